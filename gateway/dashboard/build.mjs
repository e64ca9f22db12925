/*  gateway/dashboard/build.mjs - src/ to dist/: index.html, hashed assets, all also gzipped

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    node build.mjs [--out DIR] [--dev]

    The same sources give the same bytes. --dev: not minified, with source map.
    The build fails when the first load, or all of it, is above its budget.
*/
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, extname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
/*  first: what index.html needs to show a live run. all: with what is loaded when it is asked for. */
const BUDGET = { js: 40 * 1024, css: 8 * 1024, total: 60 * 1024, requests: 8, all: 80 * 1024 };

const argument = (name) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : (process.argv[at + 1] ?? "");
};
const dev = process.argv.includes("--dev");
const out = resolve(argument("--out") || join(HERE, "dist"));

/*  A name carries its content, so a browser may keep an asset for ever. What
    is loaded later are chunks of their own; what they share with the page is
    part of the first load. */
async function bundle() {
  const result = await build({
    absWorkingDir: HERE,
    entryPoints: { page: "src/page/main.tsx", style: "src/page/style.css" },
    outdir: "assets",
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    bundle: true,
    splitting: true,
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
    metafile: true,
    write: false,
  });
  const { outputs } = result.metafile;
  const assets = result.outputFiles.map((file) => {
    const name = relative(HERE, file.path);
    return { ...outputs[name], name, kind: extname(name).slice(1), bytes: Buffer.from(file.contents) };
  });
  return { assets: assets.sort((a, b) => (a.name < b.name ? -1 : 1)), sources: Object.keys(result.metafile.inputs) };
}

/*  The packages that are part of the page ask that their licence goes with each copy. */
function licenses(sources) {
  const names = new Set(sources.flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []));
  const texts = [...names].sort().map((name) => {
    const folder = join(HERE, "node_modules", name);
    const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
    if (!file) {
      throw new Error(`build: ${name} is part of the page, and its licence is not to be found in ${folder}`);
    }
    const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return `${name} ${version}\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
  });
  return Buffer.from(["This page is under the Mozilla Public License 2.0. It contains:\n", ...texts].join("\n"));
}

/*  The page's script and all that it imports before it runs. */
function firstScripts(assets) {
  const found = [assets.find((asset) => asset.entryPoint === "src/page/main.tsx")];
  for (const asset of found) {
    for (const { path, kind } of asset.imports) {
      const part = assets.find((one) => one.name === path);
      if (kind === "import-statement" && !found.includes(part)) {
        found.push(part);
      }
    }
  }
  return found;
}

function page(script, parts, style) {
  const html = readFileSync(join(HERE, "src/index.html"), "utf8");
  const preload = parts.map((part) => `<link rel="modulepreload" href="${part.name}">`).join("\n    ");
  return Buffer.from(
    html
      .replace("%STYLE%", style.name)
      .replace("%SCRIPT%", script.name)
      .replace("%PRELOAD%", preload)
      .replace(/^ *\n/gm, ""),
  );
}

function write(name, bytes) {
  const path = join(out, name);
  const packed = gzipSync(bytes, { level: 9 });
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  writeFileSync(`${path}.gz`, packed);
  return { name, raw: bytes.length, gz: packed.length };
}

const kb = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;

/*  What is above its budget, in words. */
function report(files, first) {
  const gz = (list) => list.reduce((sum, file) => sum + file.gz, 0);
  const at = files.filter((file) => first.has(file.name));
  const sizes = {
    js: gz(at.filter((file) => file.name.endsWith(".js"))),
    css: gz(at.filter((file) => file.name.endsWith(".css"))),
    total: gz(at),
    all: gz(files),
  };
  for (const file of files) {
    console.log(`${file.name}: ${kb(file.raw)}, ${kb(file.gz)} gzipped${first.has(file.name) ? "" : ", later"}`);
  }
  console.log(
    `first load: ${kb(sizes.total)} gzipped of ${kb(BUDGET.total)} in ${at.length} requests ` +
      `(js ${kb(sizes.js)}, css ${kb(sizes.css)}); all: ${kb(sizes.all)}`,
  );
  const over = Object.keys(sizes).filter((key) => sizes[key] > BUDGET[key]);
  const problems = over.map((key) => `${key} is ${kb(sizes[key])} gzipped, the budget is ${kb(BUDGET[key])}`);
  return at.length > BUDGET.requests
    ? [...problems, `${at.length} requests at first, at most ${BUDGET.requests}`]
    : problems;
}

const { assets, sources } = await bundle();
const [script, ...parts] = firstScripts(assets);
const style = assets.find((asset) => asset.kind === "css");
rmSync(out, { recursive: true, force: true });
const files = assets.map((asset) => write(asset.name, asset.bytes));
files.push(write("index.html", page(script, parts, style)), write("licenses.txt", licenses(sources)));
const problems = report(files, new Set([script, ...parts, style].map((asset) => asset.name).concat("index.html")));
for (const problem of dev ? [] : problems) {
  console.error(`build: ${problem}: leave something out`);
  process.exitCode = 1;
}
if (!process.exitCode) {
  /* Tells what was built here from what a tarball brought (m4/ag_dashboard.m4). */
  writeFileSync(`${out}.stamp`, "");
}
