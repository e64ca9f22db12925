/*  tests/page/build.test.mjs - the build: the same bytes twice, within its budget, and not at all above it

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { DASHBOARD, figure } from "./lib.mjs";

function scratch(t) {
  const folder = mkdtempSync(join(tmpdir(), "agentgate-build."));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function build(t) {
  const out = join(scratch(t), "dist");
  execFileSync(process.execPath, [join(DASHBOARD, "build.mjs"), "--out", out]);
  const names = [...readdirSync(out), ...readdirSync(join(out, "assets")).map((name) => `assets/${name}`)];
  return new Map(names.filter((name) => name !== "assets").map((name) => [name, readFileSync(join(out, name))]));
}

test("two builds give the same names and bytes, and each file has its gzip", (t) => {
  const [one, two] = [build(t), build(t)];
  assert.deepEqual([...one.keys()], [...two.keys()]);
  for (const [name, bytes] of one) {
    assert.ok(bytes.equals(two.get(name)), name);
    if (!name.endsWith(".gz")) {
      assert.ok(gunzipSync(one.get(`${name}.gz`)).equals(bytes), `${name}.gz`);
    }
  }
});

test("the first load is within its budget: what index.html names, and what that imports", (t) => {
  const files = build(t);
  const html = String(files.get("index.html"));
  assert.equal(/<script(?![^>]*src=)|style=|\son\w+=/.test(html), false, "nothing inline: the policy forbids it");
  const first = new Set(["index.html", ...[...html.matchAll(/(?:src|href)="(assets\/[^"]+)"/g)].map((match) => match[1])]);
  for (const name of first) {
    for (const [, part] of String(files.get(name)).matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)) {
      assert.ok(first.has(`assets/${part}`), `${name} imports ${part}, and index.html does not preload it`);
    }
  }
  const kb = (names) => names.reduce((sum, name) => sum + files.get(`${name}.gz`).length, 0) / 1024;
  const named = [...first];
  const [js, css, all] = [kb(named.filter((name) => name.endsWith(".js"))), kb(named.filter((name) => name.endsWith(".css"))), kb(named)];
  const later = [...files.keys()].filter((name) => !name.endsWith(".gz") && !first.has(name));
  figure("first load, gzipped", `${all.toFixed(1)} KB in ${first.size} requests: ${js.toFixed(1)} KB script, ${css.toFixed(1)} KB style; later ${kb(later).toFixed(1)} KB in ${later.length} files`);
  assert.ok(js <= 40 && css <= 8 && all <= 60 && first.size <= 8);
  assert.ok(later.length > 0, "what is rarely wanted is not part of it");
});

test("above the budget there is no build", (t) => {
  const folder = scratch(t);
  for (const name of ["src", "build.mjs", "package.json"]) {
    cpSync(join(DASHBOARD, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(DASHBOARD, "node_modules"), join(folder, "node_modules"));
  const main = join(folder, "src/page/main.tsx");
  writeFileSync(main, `${readFileSync(main, "utf8")}\nconsole.log("${randomBytes(20_000).toString("base64")}");\n`);
  const out = join(folder, "dist");
  const run = spawnSync(process.execPath, [join(folder, "build.mjs"), "--out", out], { encoding: "utf8" });
  assert.equal(run.status, 1);
  assert.match(run.stderr, /js is [\d.]+ KB gzipped, the budget is 40\.0 KB/);
  assert.equal(existsSync(`${out}.stamp`), false, "make would not take it for built");
});
