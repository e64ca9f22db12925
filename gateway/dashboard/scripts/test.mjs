/*  gateway/dashboard/scripts/test.mjs - bundles test/*.test.ts and runs them under node --test

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    node scripts/test.mjs [WORD]    only the files whose name contains WORD

    Node 18 cannot read TypeScript, so each test becomes one bundle first.
*/
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const HERE = dirname(dirname(fileURLToPath(import.meta.url)));
const out = mkdtempSync(join(tmpdir(), "agentgate-dashboard-test."));
const wanted = process.argv[2] ?? "";
const tests = readdirSync(join(HERE, "test")).filter((name) => name.endsWith(".test.ts") && name.includes(wanted));
try {
  await build({
    absWorkingDir: HERE,
    entryPoints: tests.map((name) => join("test", name)),
    outdir: out,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: ["node18"],
    jsx: "automatic",
    jsxImportSource: "preact",
    alias: { react: "./src/hooks/react.ts" },
    sourcemap: "inline",
    logLevel: "warning",
  });
  const files = tests.map((name) => join(out, basename(name).replace(/\.ts$/, ".mjs")));
  const run = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...files], { stdio: "inherit" });
  process.exitCode = run.status ?? 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
