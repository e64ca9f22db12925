/*  tests/page/lib.mjs - a browser, a built page, a gateway: what the page's tests share

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The page is built afresh for the tests, by run.mjs once for all of them. CHROMIUM names the browser
    (/usr/bin/chromium); SHOTS, when set, a folder for pictures of what was seen.
*/
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const DASHBOARD = join(ROOT, "gateway/dashboard");
const require = createRequire(join(DASHBOARD, "package.json"));
const { chromium } = require("playwright-core");

export const { FakeGateway, Endless, CSP, RAW } = await import(join(DASHBOARD, "dev/gateway.mjs"));
export const { MadeUpAgent, random } = await import(join(DASHBOARD, "dev/agent.mjs"));

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/*  Asks until it is true; says what it waited for when it never is. */
export async function until(what, ask, ms = 20_000) {
  const end = Date.now() + ms;
  let seen;
  for (;;) {
    seen = await ask();
    if (seen) {
      return seen;
    }
    if (Date.now() > end) {
      throw new Error(`waited ${ms} ms for: ${what}`);
    }
    await sleep(20);
  }
}

/*  A busy machine says nothing about frames per second, but all about CPU. */
export function load() {
  return Number(readFileSync("/proc/loadavg", "utf8").split(" ")[0]);
}

export function figure(name, value) {
  console.log(`figure: ${name}: ${value}`);
}

/*  One browser and one built page for a file of tests, and a folder for what else it makes. */
export function setup() {
  const folder = mkdtempSync(join(tmpdir(), "agentgate-page."));
  const built = process.env.AGENTGATE_PAGE_DIST;
  const kit = { browser: undefined, folder, dist: built ?? join(folder, "dist") };
  before(async () => {
    if (!built) {
      execFileSync(process.execPath, [join(DASHBOARD, "build.mjs"), "--out", kit.dist]);
    }
    kit.browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--js-flags=--expose-gc", "--enable-precise-memory-info"],
      ignoreDefaultArgs: ["--hide-scrollbars"] /* people have them */,
    });
  });
  after(async () => {
    await kit.browser?.close();
    rmSync(kit.folder, { recursive: true, force: true });
  });
  return kit;
}

/*  A gateway in memory, closed after the test. */
export async function fake(t, kit) {
  const gateway = new FakeGateway({ dist: kit.dist });
  await gateway.listen();
  t.after(() => gateway.close());
  return gateway;
}

/*  A page that reports what no page should do: errors, refused content, requests elsewhere.
    before: what is done to it before it loads; more: options of the context. */
export async function open(t, kit, url, { width = 1280, height = 800, scheme = "light", before, ...more } = {}) {
  const context = await kit.browser.newContext({ viewport: { width, height }, colorScheme: scheme, ...more });
  const page = await context.newPage();
  await before?.(page);
  const strange = [];
  page.on("pageerror", (error) => strange.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !/WebSocket|ERR_|status of/.test(message.text())) {
      strange.push(`console: ${message.text()}`);
    }
  });
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== new URL(url).origin && protocol !== "data:") {
      strange.push(`request: ${request.url()}`);
    }
  });
  t.after(() => context.close());
  await page.goto(url);
  return { page, context, strange, cdp: await context.newCDPSession(page) };
}

/*  Long forms of tests, and times judged: on a quiet machine. */
export const LONG = process.env.AGENTGATE_LONG_TESTS === "1";
export const JUDGE_TIMES = process.env.AGENTGATE_JUDGE_TIMES === "1";

/*  Texts that are seen and whose colour stands out from what is behind by less
    than WCAG's 4.5 : 1 (3 : 1 when large). Pictures and gradients behind are not looked through. */
export const lowContrast = (page) =>
  page.evaluate(() => {
    const numbers = (colour) => (/^rgba?\((.*)\)$/.exec(colour)?.[1] ?? "").split(/[ ,/]+/).map(Number);
    const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgba = (colour) => {
      const [r, g, b, a = 1] = numbers(colour);
      if (r !== undefined && !Number.isNaN(r) && colour.startsWith("rgb")) {
        return [r, g, b, a];
      }
      probe.clearRect(0, 0, 1, 1);
      probe.fillStyle = colour;
      probe.fillRect(0, 0, 1, 1);
      const [x, y, z, w] = probe.getImageData(0, 0, 1, 1).data;
      return [x, y, z, w / 255];
    };
    const over = (top, under) => top.slice(0, 3).map((value, at) => value * top[3] + under[at] * (1 - top[3]));
    const light = (colour) => {
      const [r, g, b] = colour.map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
      const layers = [];
      for (let at = element; at; at = at.parentElement) {
        layers.push(rgba(getComputedStyle(at).backgroundColor));
        if (layers.at(-1)[3] === 1) {
          break;
        }
      }
      return layers.reduceRight((under, layer) => over(layer, under), [255, 255, 255]);
    };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      const text = node.nodeValue.trim();
      if (!text || element.closest(".said, script, style, noscript, [hidden]") || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) {
        continue;
      }
      const range = document.createRange();
      range.selectNodeContents(node);
      const box = range.getBoundingClientRect();
      if (box.width === 0 || box.bottom < 0 || box.top > innerHeight || box.right < 0 || box.left > innerWidth) {
        continue;
      }
      const style = getComputedStyle(element);
      const back = behind(element);
      const front = over(rgba(style.color), back);
      const [a, b] = [light(front), light(back)].sort((x, y) => y - x);
      const ratio = (a + 0.05) / (b + 0.05);
      const size = Number.parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      if (ratio < (large ? 3 : 4.5)) {
        found.push(`${text.slice(0, 40)} (${element.className || element.localName}): ${ratio.toFixed(2)}`);
      }
    }
    return found;
  });

/*  How far anything reaches beyond the right edge, px. */
export const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

export async function shot(page, name) {
  if (process.env.SHOTS) {
    mkdirSync(process.env.SHOTS, { recursive: true });
    await page.screenshot({ path: join(process.env.SHOTS, `${name}.png`) });
  }
}

export const badge = (page) => page.locator(".badge-text").innerText();
export const runUrl = (gateway, id, query = "") => `${gateway.url}#/runs/${encodeURIComponent(id)}${query}`;
/*  Seqs of the rows that are in the document, in order. */
export const rowSeqs = (page) =>
  page.$$eval(".row:not([hidden])", (rows) => rows.map((row) => Number(row.dataset.seq)).sort((a, b) => a - b));
