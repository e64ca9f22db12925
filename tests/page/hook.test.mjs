/*  tests/page/hook.test.mjs - useRunStream in React itself: strict mode, another run, unmounting

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The page builds the hook on Preact. Here it is React's development build,
    which mounts twice and complains about what is not right.
*/
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { before, test } from "node:test";
import { DASHBOARD, FakeGateway, figure, open, setup, until } from "./lib.mjs";

const kit = setup();
const require = createRequire(join(DASHBOARD, "package.json"));
const esbuild = require("esbuild");

const APP = `
  import { createElement, StrictMode, useRef, useState } from "react";
  import { createRoot } from "react-dom/client";
  import { systemClock } from "./src/core/env.ts";
  import { useRunStream } from "./src/hooks/useRunStream.ts";
  const env = {
    clock: systemClock,
    openSocket: (url) => new WebSocket(url, ["agentgate.v1.json"]),
    frame: (fn) => requestAnimationFrame(fn),
    fetch: (path, init) => fetch(path, init),
  };
  const wsUrl = location.origin.replace("http", "ws") + "/ws";
  function Run({ runId }) {
    const { stream, version } = useRunStream({ env, wsUrl, runId });
    const renders = useRef(0);
    renders.current++;
    window.renders = renders.current;
    return createElement("p", { id: "run" }, stream.runId + " " + stream.status.name + " " + stream.log.received + " of " + stream.log.last + ", calls " + stream.facts.calls + ", version " + version);
  }
  function App() {
    const [runId, setRunId] = useState("R");
    return createElement("div", null,
      createElement("button", { onClick: () => setRunId(runId === "R" ? "S" : runId === "S" ? "" : "R") }, "next"),
      runId ? createElement(Run, { runId }) : null);
  }
  createRoot(document.getElementById("app")).render(createElement(StrictMode, null, createElement(App)));
`;
const folder = () => join(kit.folder, "react");

before(async () => {
  mkdirSync(folder(), { recursive: true });
  await esbuild.build({
    absWorkingDir: DASHBOARD,
    stdin: { contents: APP, resolveDir: DASHBOARD, loader: "js" },
    outfile: join(folder(), "app.js"),
    bundle: true,
    format: "esm",
    define: { "process.env.NODE_ENV": '"development"' },
    tsconfigRaw: {} /* whose paths put Preact in React's place */,
    logLevel: "error",
  });
  writeFileSync(join(folder(), "index.html"), '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><div id="app"></div><script type="module" src="app.js"></script>');
});

test("useRunStream in React's strict mode", { timeout: 60_000 }, async (t) => {
  const gateway = new FakeGateway({ dist: folder() });
  await gateway.listen();
  t.after(() => gateway.close());
  for (const id of ["R", "S"]) {
    gateway.stream(id);
    for (let n = 0; n < 3000; n++) {
      gateway.put(id, n % 2 ? { type: "agent_output", kind: "text", content: `line ${n}`, messageId: `m${n}` } : { type: "agent_tool_call", toolUseId: `t${n}`, tool: "Bash", toolName: "Bash", input: {} });
    }
  }
  const { page, strange } = await open(t, kit, gateway.url);
  const told = () => page.locator("#run").innerText();
  await until("all of it, the past over HTTP too", async () => /^R \w+ 3000 of 3000, calls 1500,/.test(await told()), 20_000);
  assert.equal(gateway.clients.size, 1, "one socket, though it was mounted twice");
  const before = await page.evaluate(() => window.renders);
  const started = Date.now();
  for (let n = 0; n < 100; n++) {
    for (let k = 0; k < 20; k++) {
      gateway.put("R", { type: "agent_output", kind: "text", content: `more ${n} ${k}`, messageId: `n${n}-${k}` });
    }
    await new Promise((done) => setTimeout(done, 15));
  }
  await until("what came live", async () => /^R live 5000 of 5000/.test(await told()));
  const seconds = (Date.now() - started) / 1000;
  const renders = (await page.evaluate(() => window.renders)) - before;
  figure("renders under React while 2000 events came", `${renders} in ${seconds.toFixed(1)} s`);
  /* Strict mode renders each time twice. */
  assert.ok(renders <= 2 * (seconds * 5 + 3), `${renders} renders in ${seconds} s`);
  await page.getByRole("button").click();
  await until("another run", async () => /^S \w+ 3000 of 3000, calls 1500,/.test(await told()), 20_000);
  assert.equal(gateway.clients.size, 1);
  gateway.cut();
  await page.evaluate(() => dispatchEvent(new Event("online")));
  gateway.put("S", { type: "agent_output", kind: "text", content: "after the cut", messageId: "cut" });
  await until("back after a cut", async () => /^S live 3001 of 3001/.test(await told()));
  await page.getByRole("button").click();
  await until("nothing is open any more", () => gateway.clients.size === 0);
  assert.deepEqual(strange, [], "React has nothing to complain about");
});
