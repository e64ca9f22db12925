/*  tests/page/run.mjs - all tests of the page: two files at a time, then alone what measures

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    node run.mjs [WORD]    only the files whose name contains WORD

    They mostly wait for a browser; one after the other they take twice as long.
*/
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const ALONE = ["leak.test.mjs", "speed.test.mjs"];
const AT_ONCE = 2;

const wanted = process.argv[2] ?? "";
const names = readdirSync(HERE).filter((name) => name.endsWith(".test.mjs") && name.includes(wanted));

/*  What a file says comes in one piece. */
function run(name) {
  const started = Date.now();
  return new Promise((done) => {
    const child = spawn(process.execPath, ["--test", join(HERE, name)], { stdio: ["ignore", "pipe", "inherit"] });
    const said = [];
    child.stdout.on("data", (data) => said.push(data));
    child.on("close", (status) => {
      process.stdout.write(Buffer.concat(said));
      console.log(`# ${name}: ${((Date.now() - started) / 1000).toFixed(0)} s`);
      process.exitCode ||= status ?? 1;
      done();
    });
  });
}

async function worker(queue) {
  for (let name = queue.shift(); name; name = queue.shift()) {
    await run(name);
  }
}

/* The longest first. */
const queue = names.filter((name) => !ALONE.includes(name)).sort((a, b) => (b === "real.test.mjs") - (a === "real.test.mjs"));
await Promise.all(Array.from({ length: AT_ONCE }, () => worker(queue)));
await worker(names.filter((name) => ALONE.includes(name)));
