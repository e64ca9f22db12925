/*  gateway/dashboard/src/page/App.tsx - the whole: rail of runs, one run or several, keys

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { Fleet } from "../core/fleet.ts";
import { env, onReturn, setToken, token, wsUrl } from "./browser.ts";
import { extras, usePart, views, Waiting } from "./parts.tsx";
import { Rail } from "./Rail.tsx";
import { RunPage } from "./RunPage.tsx";
import { type Route, settleOn, useRoute } from "./route.ts";

const WS_URL = wsUrl();
const HUD = /[?&]hud=1/.test(location.href);

function useFleet(session: number): Fleet {
  // biome-ignore lint/correctness/useExhaustiveDependencies: another session (token) is another fleet
  const fleet = useMemo(() => new Fleet(env, WS_URL), [session]);
  useEffect(() => {
    fleet.start();
    const stop = onReturn(() => fleet.kick());
    return () => {
      stop();
      fleet.stop();
    };
  }, [fleet]);
  useSyncExternalStore(fleet.changed.subscribe, fleet.changed.getSnapshot);
  return fleet;
}

/*  The clock of ages and elapsed times. */
function useSeconds(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const id = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(id);
  }, []);
  return now;
}

/*  A file may be dropped anywhere on the page. */
function useDrop(take: (file: File) => void): void {
  useEffect(() => {
    const over = (event: DragEvent): void => event.preventDefault();
    const drop = (event: DragEvent): void => {
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file) {
        take(file);
      }
    };
    addEventListener("dragover", over);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragover", over);
      removeEventListener("drop", drop);
    };
  }, [take]);
}

export function App() {
  const [session, setSession] = useState(0);
  const fleet = useFleet(session);
  const [route, go] = useRoute();
  const [railOpen, setRailOpen] = useState(false);
  const [help, setHelp] = useState(false);
  const [file, setFile] = useState<File>();
  const picker = useRef<HTMLInputElement>(null);
  const now = useSeconds();
  const more = usePart(views, help);
  const rare = usePart(extras, route.place !== "run" || HUD);
  const runs = fleet.list();
  const newest = runs[0]?.runId;

  /* A bare address opens the newest run: that is what people come for. */
  useEffect(() => {
    if (route.place === "run" && !route.runId && newest && fleet.listed) {
      settleOn(newest, go);
    }
  }, [route.place, route.runId, newest, fleet.listed, go]);
  const workOrder = fleet.runs.get(route.runId)?.workOrderId ?? "";
  useEffect(() => {
    if (workOrder && workOrder !== route.runId) {
      void fleet.askPrompt(workOrder);
    }
  }, [fleet, workOrder, route.runId]);
  const openFile = useCallback(
    (chosen: File) => {
      setFile(chosen);
      go({ place: "file", seq: 0, file: "", q: "", kinds: "" });
    },
    [go],
  );
  useDrop(openFile);

  const refused = fleet.problem?.status === 401 || fleet.link.code === 4501;
  const login = (secret: string): void => {
    setToken(secret);
    setSession(session + 1);
  };
  const choose = (change: Partial<Route>): void => {
    go({ seq: 0, file: "", q: "", only: false, ...change });
    setRailOpen(false);
  };
  const step = (by: number): void => {
    const at = runs.findIndex((run) => run.runId === route.runId);
    const next = runs[Math.max(0, Math.min(runs.length - 1, at + by))];
    if (next && next.runId !== route.runId) {
      choose({ place: "run", runId: next.runId });
    }
  };
  const common = { route, go, onRuns: () => setRailOpen(true), onStep: step, onHelp: () => setHelp(!help) };
  const pickFile = (): void => picker.current?.click();
  return (
    <div class={`app${railOpen ? " rail-open" : ""}`}>
      <button type="button" class="skip" onClick={skip}>
        Skip to the run
      </button>
      <div class="rail-box">
        <Rail
          fleet={fleet}
          runs={runs}
          now={now}
          route={route}
          onSelect={(runId) => choose({ place: "run", runId })}
          onGrid={(pins) => choose({ place: "grid", runs: pins })}
          onFile={pickFile}
          onClose={() => setRailOpen(false)}
        />
        {more ? <more.Splitter which="rail" label="Width of the list of runs" min={180} max={480} usual={248} /> : null}
      </div>
      <main id="main" tabIndex={-1}>
        {route.place === "file" ? (
          rare ? (
            <rare.FilePage {...common} file={file} onOpen={pickFile} />
          ) : (
            <Waiting part={extras} />
          )
        ) : refused ? (
          <Login onToken={login} again={token() !== ""} />
        ) : route.place === "grid" ? (
          rare ? (
            <rare.Grid
              key={session}
              runs={route.runs}
              fleet={fleet}
              env={env}
              wsUrl={WS_URL}
              go={go}
              onRuns={common.onRuns}
            />
          ) : (
            <Waiting part={extras} />
          )
        ) : route.runId ? (
          <RunPage
            {...common}
            key={`${session} ${route.runId}`}
            runId={route.runId}
            item={fleet.runs.get(route.runId)}
            prompt={fleet.prompts.get(workOrder) ?? ""}
            listed={fleet.listed}
            now={now}
            wsUrl={WS_URL}
            env={env}
          />
        ) : (
          <Welcome fleet={fleet} />
        )}
      </main>
      <input
        ref={picker}
        type="file"
        class="said"
        tabIndex={-1}
        aria-hidden="true"
        accept=".jsonl,.ndjson,.json"
        onChange={(event) => {
          const chosen = event.currentTarget.files?.[0];
          if (chosen) {
            openFile(chosen);
          }
          event.currentTarget.value = "";
        }}
      />
      {help ? more ? <more.Help onClose={() => setHelp(false)} /> : <Waiting part={views} /> : null}
      {HUD && rare ? <rare.Hud /> : null}
    </div>
  );
}

function skip(): void {
  document.querySelector<HTMLElement>(".feed, #main")?.focus();
}

function Welcome({ fleet }: { fleet: Fleet }) {
  const command = "agentgate-exec -- claude -p 'Fix the failing test' --output-format stream-json --verbose";
  if (!fleet.listed) {
    const { phase, attempt } = fleet.link;
    const trouble = attempt > 1 || phase === "waiting" || fleet.problem;
    return (
      <div class="welcome" aria-live="polite">
        <h1>{trouble ? "No answer yet" : "Connecting…"}</h1>
        <p class="dim">{trouble ? `Trying ${WS_URL} again${attempt > 1 ? `, try ${attempt}` : ""}.` : WS_URL}</p>
        {fleet.problem && fleet.problem.status > 0 ? (
          <p class="bad">The gateway says: {fleet.problem.message}</p>
        ) : null}
      </div>
    );
  }
  return (
    <div class="welcome">
      <h1>No runs yet</h1>
      <p>Start an agent through the executor and it appears here within a second:</p>
      <pre class="code">{command}</pre>
      <p class="dim">This page stays connected; there is nothing to reload.</p>
    </div>
  );
}

function Login({ onToken, again }: { onToken(token: string): void; again: boolean }) {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    onToken(String(new FormData(event.target as HTMLFormElement).get("token") ?? "").trim());
  };
  return (
    <div class="welcome">
      <h1>This gateway asks for a token</h1>
      <form class="login" onSubmit={submit}>
        <label>
          <span>Token</span>
          <input type="password" name="token" autocomplete="off" required />
        </label>
        <button type="submit" class="button strong">
          Connect
        </button>
      </form>
      {again ? <p class="bad">The token that was given is not accepted.</p> : null}
      <p class="dim">It is kept for this tab only, and never put into an address.</p>
    </div>
  );
}
