/*  gateway/dashboard/build.mjs - src/ to dist/: index.html, hashed assets, all also gzipped

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    node build.mjs [--out DIR] [--dev]

    The same sources give the same bytes. --dev: not minified, with source map.
    The build fails when the first load is above its budget.
*/
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const BUDGET = { js: 40 * 1024, css: 8 * 1024, total: 60 * 1024 };

const argument = (name) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : (process.argv[at + 1] ?? "");
};
const dev = process.argv.includes("--dev");
const out = resolve(argument("--out") || join(HERE, "dist"));

async function bundle() {
  const result = await build({
    absWorkingDir: HERE,
    entryPoints: { page: "src/page/main.tsx", style: "src/page/style.css" },
    outdir: "assets",
    entryNames: "[name]",
    bundle: true,
    minify: !dev,
    format: "esm",
    target: ["es2022"],
    jsx: "automatic",
    jsxImportSource: "preact",
    alias: { react: "./src/hooks/react.ts" },
    define: { "process.env.NODE_ENV": dev ? '"development"' : '"production"' },
    charset: "utf8",
    legalComments: "none",
    sourcemap: dev ? "inline" : false,
    write: false,
  });
  return result.outputFiles.map((file) => ({ path: file.path, bytes: Buffer.from(file.contents) }));
}

/*  The name carries the content, so a browser may keep an asset for ever. */
function hashed(asset) {
  const [, name, kind] = /([a-z]+)\.(js|css)$/.exec(asset.path);
  const hash = createHash("sha256").update(asset.bytes).digest("hex").slice(0, 12);
  return { kind, name: `assets/${name}-${hash}.${kind}`, bytes: asset.bytes };
}

function page(assets) {
  const of = (kind) => assets.find((asset) => asset.kind === kind).name;
  const html = readFileSync(join(HERE, "src/index.html"), "utf8");
  return Buffer.from(html.replace("%SCRIPT%", of("js")).replace("%STYLE%", of("css")));
}

function write(name, bytes) {
  const path = join(out, name);
  const packed = gzipSync(bytes, { level: 9 });
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  writeFileSync(`${path}.gz`, packed);
  return { name, raw: bytes.length, gz: packed.length };
}

function report(files) {
  const kb = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;
  const gz = (pattern) => files.filter((file) => pattern.test(file.name)).reduce((sum, file) => sum + file.gz, 0);
  const sizes = { js: gz(/\.js$/), css: gz(/\.css$/), total: gz(/./) };
  for (const file of files) {
    console.log(`${file.name}: ${kb(file.raw)}, ${kb(file.gz)} gzipped`);
  }
  console.log(
    `first load: ${kb(sizes.total)} gzipped of ${kb(BUDGET.total)} (js ${kb(sizes.js)}, css ${kb(sizes.css)})`,
  );
  const over = Object.keys(BUDGET).filter((key) => !dev && sizes[key] > BUDGET[key]);
  for (const key of over) {
    console.error(`build: ${key} is ${kb(sizes[key])} gzipped, the budget is ${kb(BUDGET[key])}: leave something out`);
  }
  return over.length === 0;
}

const assets = (await bundle()).map(hashed);
rmSync(out, { recursive: true, force: true });
const files = assets.map((asset) => write(asset.name, asset.bytes));
files.push(write("index.html", page(assets)));
if (!report(files)) {
  process.exit(1);
}
/* Tells what was built here from what a tarball brought (m4/ag_dashboard.m4). */
writeFileSync(`${out}.stamp`, "");
