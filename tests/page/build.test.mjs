/*  tests/page/build.test.mjs - the build: the same bytes twice, within its budget

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { DASHBOARD, figure } from "./lib.mjs";

function build(t) {
  const folder = mkdtempSync(join(tmpdir(), "agentgate-build."));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  execFileSync(process.execPath, [join(DASHBOARD, "build.mjs"), "--out", join(folder, "dist")]);
  const out = join(folder, "dist");
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

test("the first load is within its budget", (t) => {
  const files = [...build(t)].filter(([name]) => name.endsWith(".gz"));
  const sum = (pattern) => files.filter(([name]) => pattern.test(name)).reduce((total, [, bytes]) => total + bytes.length, 0) / 1024;
  const [js, css, all] = [sum(/\.js\./), sum(/\.css\./), sum(/./)];
  figure("first load, gzipped", `${all.toFixed(1)} KB in ${files.length} requests: ${js.toFixed(1)} KB script, ${css.toFixed(1)} KB style`);
  assert.ok(js <= 40 && css <= 8 && all <= 60);
  const html = String(gunzipSync(files.find(([name]) => name === "index.html.gz")[1]));
  assert.equal(/<script(?![^>]*src=)|style=|\son\w+=/.test(html), false, "nothing inline: the policy forbids it");
});
