/*  tests/page/run.mjs - all tests of the page: three files at a time, then alone what measures

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    node run.mjs [WORD]    only the files whose name contains WORD

    They mostly wait for a browser and for agents that take their time. The page is
    built once for all of them.
*/
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const ALONE = ["speed.test.mjs"];
const LONGEST = ["real", "page", "features", "states", "leak", "access"].map((name) => `${name}.test.mjs`);
const AT_ONCE = process.env.AGENTGATE_JUDGE_TIMES === "1" ? 1 : 3;

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

const place = (name) => (LONGEST.includes(name) ? LONGEST.indexOf(name) : LONGEST.length);
const queue = names.filter((name) => !ALONE.includes(name)).sort((a, b) => place(a) - place(b));
const folder = mkdtempSync(join(tmpdir(), "agentgate-page."));
process.env.AGENTGATE_PAGE_DIST = join(folder, "dist");
try {
  execFileSync(process.execPath, [join(HERE, "../../gateway/dashboard/build.mjs"), "--out", process.env.AGENTGATE_PAGE_DIST]);
  await Promise.all(Array.from({ length: AT_ONCE }, () => worker(queue)));
  await worker(names.filter((name) => ALONE.includes(name)));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
