/*  gateway/dashboard/src/page/App.tsx - the whole: rail of runs, one run, keys

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { Fleet } from "../core/fleet.ts";
import { env, onReturn, setToken, token, wsUrl } from "./browser.ts";
import { Help } from "./Help.tsx";
import { Rail } from "./Rail.tsx";
import { RunPage } from "./RunPage.tsx";
import { useRoute } from "./route.ts";

const WS_URL = wsUrl();

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

export function App() {
  const [session, setSession] = useState(0);
  const fleet = useFleet(session);
  const [route, go] = useRoute();
  const [railOpen, setRailOpen] = useState(false);
  const [help, setHelp] = useState(false);
  const now = useSeconds();
  const runs = fleet.list();
  const newest = runs[0]?.runId;

  /* A bare address opens the newest run: that is what people come for. */
  useEffect(() => {
    if (!route.runId && newest && fleet.listed) {
      history.replaceState(null, "", `#/runs/${encodeURIComponent(newest)}`);
      dispatchEvent(new HashChangeEvent("hashchange"));
    }
  }, [route.runId, newest, fleet.listed]);

  const refused = fleet.problem?.status === 401 || fleet.link.code === 4501;
  const login = (secret: string): void => {
    setToken(secret);
    setSession(session + 1);
  };
  const step = (by: number): void => {
    const at = runs.findIndex((run) => run.runId === route.runId);
    const next = runs[Math.max(0, Math.min(runs.length - 1, at + by))];
    if (next) {
      go({ runId: next.runId, seq: 0, file: "" });
    }
  };

  return (
    <div class={`app${railOpen ? " rail-open" : ""}`}>
      <button type="button" class="skip" onClick={skip}>
        Skip to the run
      </button>
      <Rail
        fleet={fleet}
        runs={runs}
        now={now}
        selected={route.runId}
        onSelect={(runId) => {
          go({ runId, seq: 0, file: "" });
          setRailOpen(false);
        }}
        onClose={() => setRailOpen(false)}
      />
      <main id="main" tabIndex={-1}>
        {refused ? (
          <Login onToken={login} again={token() !== ""} />
        ) : route.runId ? (
          <RunPage
            key={`${session} ${route.runId}`}
            runId={route.runId}
            route={route}
            workOrder={fleet.runs.get(route.runId)?.workOrderId ?? ""}
            go={go}
            now={now}
            wsUrl={WS_URL}
            env={env}
            onRuns={() => setRailOpen(true)}
            onStep={step}
            onHelp={() => setHelp(!help)}
          />
        ) : (
          <Welcome fleet={fleet} />
        )}
      </main>
      {help ? <Help onClose={() => setHelp(false)} /> : null}
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
