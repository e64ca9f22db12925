/*  tests/page/real.mjs - the real gateway and the real executor, for the page's tests

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    AGENTGATE_BUILD names the build folder (as for tests/e2e).
*/
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { ROOT, until } from "./lib.mjs";

export const BUILD = process.env.AGENTGATE_BUILD && resolve(process.env.AGENTGATE_BUILD);
const TERM_MS = 5000;

/*  Ends with the test, by TERM and then KILL. */
function start(t, program, args, options = {}) {
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], ...options });
  const kept = { child, said: "", status: undefined };
  child.stderr.on("data", (data) => {
    kept.said = (kept.said + data).slice(-65536);
  });
  kept.ended = new Promise((done) => {
    child.on("close", (status) => {
      kept.status = status;
      done(status);
    });
  });
  t.after(() => stopped(kept));
  return kept;
}

export async function stopped(kept) {
  kept.child.kill("SIGTERM");
  const kill = setTimeout(() => kept.child.kill("SIGKILL"), TERM_MS);
  await kept.ended;
  clearTimeout(kill);
}

/*  A gateway of its own on a free port, serving the page under test. An object
    among the options: the folder and the port of one that was stopped. */
export async function realGateway(t, dist, ...more) {
  const options = more.filter((one) => typeof one === "string");
  const { folder = mkdtempSync(join(tmpdir(), "ag-")), port = 0 } = more.find((one) => typeof one === "object") ?? {};
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const sockets = { bus: `ipc://${folder}/bus`, control: `ipc://${folder}/control` };
  const program = start(t, join(BUILD, "agentgate-gateway"), [
    ...["--listen", `127.0.0.1:${port}`, "--bus", sockets.bus, "--control", sockets.control],
    ...["--republish", `ipc://${folder}/republish`, "--state-dir", join(folder, "gateway")],
    ...(dist ? ["--dashboard-dir", dist] : []),
    ...options,
  ]);
  const [, url] = await until(`the gateway; it said ${program.said}`, () => {
    if (program.status !== undefined) {
      throw new Error(`agentgate-gateway ended with ${program.status}: ${program.said}`);
    }
    return /listening on (http\S+)/.exec(program.said);
  });
  return { url: `${url.replace(/\/$/, "")}/`, folder, program, ...sockets };
}

/*  Runs a command as an agent through the executor. */
export function execute(t, gateway, runId, command, workOrder = runId) {
  return start(
    t,
    join(BUILD, "agentgate-exec"),
    [
      ...["--run-id", runId, "--work-order", workOrder, "--quiet", "--no-watch"],
      ...["--bus", gateway.bus, "--control", gateway.control, "--state-dir", join(gateway.folder, "exec")],
      "--",
      ...command,
    ],
    { cwd: gateway.folder },
  );
}

export const replay = (name, speed = 1) => [
  join(BUILD, "agentgate-replay"),
  ...["--speed", String(speed), "--stdout", join(ROOT, "tests/recordings", `${name}.jsonl`)],
];

/*  An agent that writes so many lines a second, of the flat dialect. */
export function talker(rate, seconds) {
  const program = `
    const from = performance.now(); let n = 0;
    const timer = setInterval(() => {
      const due = Math.min(${rate * seconds}, (performance.now() - from) / 1000 * ${rate}); let out = "";
      for (; n < due; n++) {
        out += n % 3 === 0 ? JSON.stringify({ type: "tool_use", id: "t" + n, name: "Bash", input: { command: "make check N=" + n } })
          : n % 3 === 1 ? JSON.stringify({ type: "tool_result", tool_use_id: "t" + (n - 1), content: "ok " + n, is_error: n % 100 === 1 })
          : JSON.stringify({ type: "text", text: "Line " + n + " of what it says." });
        out += "\\n";
      }
      process.stdout.write(out);
      if (n >= ${rate * seconds}) clearInterval(timer);
    }, 5);`;
  return [process.execPath, "-e", program.replaceAll("\\\\n", "\\n")];
}

/*  Every event the gateway has of a run, by its pages. */
export async function allEvents(gateway, runId) {
  const found = [];
  for (let after = 0; after !== null; ) {
    const page = await (await fetch(`${gateway.url}api/v1/runs/${encodeURIComponent(runId)}/events?after=${after}&limit=1000`)).json();
    found.push(...page.events);
    after = page.next;
  }
  return found;
}

/*  A wire that can be cut: a port that passes everything on to the gateway. */
export async function wire(t, gateway) {
  const pairs = new Set();
  const { port } = new URL(gateway.url);
  const server = createServer((near) => {
    const far = connect(Number(port), "127.0.0.1");
    const pair = [near, far];
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    near.pipe(far).pipe(near);
    for (const side of pair) {
      side.on("error", end).on("close", end);
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const cut = () => {
    for (const [near, far] of pairs) {
      near.destroy();
      far.destroy();
    }
  };
  t.after(() => {
    cut();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}/`, cut };
}
