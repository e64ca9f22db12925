/*  tests/page/tarball.test.mjs - a release: built where there is no Node, it serves the page

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Takes minutes, so only with AGENTGATE_LONG_TESTS=1: make dist, configure and
    make with a PATH in which node and npm are not, and the page in a browser.
*/
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { figure, LONG, open, setup, shot, until } from "./lib.mjs";
import { BUILD, stopped } from "./real.mjs";

const kit = setup();
const skip = !LONG ? "AGENTGATE_LONG_TESTS is not 1" : !BUILD ? "AGENTGATE_BUILD does not name a build folder" : false;
const NODE = /^(node|nodejs|npm|npx|corepack|yarn|pnpm)/;

/*  Everything that PATH has, but for Node. */
function pathWithoutNode(folder) {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  const linked = new Set();
  for (const place of process.env.PATH.split(":").filter((one) => existsSync(one))) {
    for (const name of readdirSync(place).filter((one) => !NODE.test(one) && !linked.has(one))) {
      symlinkSync(join(place, name), join(bin, name));
      linked.add(name);
    }
  }
  return bin;
}

test("the release tarball, built without Node, serves the page", { skip, timeout: 900_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "ag-tar."));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  execFileSync("make", ["-C", BUILD, "-s", "dist"], { stdio: ["ignore", "ignore", "inherit"] });
  const [tarball] = readdirSync(BUILD).filter((name) => /^agentgate-.*\.tar\.xz$/.test(name));
  execFileSync("tar", ["xJf", join(BUILD, tarball), "-C", folder]);
  const [name] = readdirSync(folder).filter((one) => one.startsWith("agentgate"));
  const source = join(folder, name);
  const env = { ...process.env, PATH: pathWithoutNode(folder) };
  assert.throws(() => execFileSync("sh", ["-c", "node --version"], { env, stdio: "ignore" }), "there is no node");
  const said = execFileSync("./configure", [], { cwd: source, env, encoding: "utf8" });
  assert.match(said, /checking how the dashboard comes\.\.\. prebuilt/);
  execFileSync("make", ["-s", "-j2"], { cwd: source, env, stdio: ["ignore", "ignore", "inherit"] });
  const state = join(folder, "state");
  const sockets = ["bus", "control", "republish"].flatMap((what) => [`--${what}`, `ipc://${folder}/${what}`]);
  const child = spawn(join(source, "agentgate-gateway"), ["--listen", "127.0.0.1:0", "--state-dir", state, ...sockets], { stdio: ["ignore", "ignore", "pipe"] });
  const kept = { child, said: "", ended: new Promise((done) => child.on("close", done)) };
  child.stderr.on("data", (data) => {
    kept.said += data;
  });
  t.after(() => stopped(kept));
  const [, address] = await until(`the gateway; it said ${kept.said}`, () => /listening on (http\S+)/.exec(kept.said));
  const url = `${address.replace(/\/$/, "")}/`;
  const dist = join(source, "gateway/dashboard/dist");
  const files = readdirSync(dist, { recursive: true }).filter((file) => /\.(html|js|css)$/.test(file));
  for (const file of files) {
    const answer = await fetch(url + (file === "index.html" ? "" : file));
    assert.equal(answer.status, 200, file);
    assert.ok(Buffer.from(await answer.arrayBuffer()).equals(readFileSync(join(dist, file))), file);
  }
  const { page, strange } = await open(t, kit, url);
  await page.getByText("No runs yet").first().waitFor();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor().catch(() => undefined);
  await shot(page, "tarball-1280-light");
  assert.deepEqual(strange, []);
  figure("a tarball built without Node", `${tarball}: ${files.length} files of the page served, byte for byte`);
});
