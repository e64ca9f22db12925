/*  gateway/dashboard/scripts/check-sources.mjs - what no linter of others checks

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    1. No HTML strings: what agents print only ever becomes text of elements.
    2. Every source stands in dashboard.mk, so that make rebuilds when it changes.
    3. The lock file names no registry.
*/
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(dirname(fileURLToPath(import.meta.url)));
const HTML =
  /\b(innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|createContextualFragment|document\.write|DOMParser|srcdoc)\b/;

function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      yield* files(path);
    } else {
      yield path;
    }
  }
}

const problems = [];
const make = readFileSync(join(HERE, "dashboard.mk"), "utf8");
for (const path of files(join(HERE, "src"))) {
  const name = relative(dirname(dirname(HERE)), path);
  const at = readFileSync(path, "utf8")
    .split("\n")
    .findIndex((line) => HTML.test(line));
  if (at >= 0) {
    problems.push(`${name}:${at + 1}: an HTML string; make elements`);
  }
  if (!make.includes(name)) {
    problems.push(`${name}: not in gateway/dashboard/dashboard.mk`);
  }
}
if (readFileSync(join(HERE, "package-lock.json"), "utf8").includes('"resolved"')) {
  problems.push("package-lock.json: names a registry host (resolved); npm install with this folder's .npmrc");
}
for (const problem of problems) {
  console.error(problem);
}
process.exitCode = problems.length ? 1 : 0;
