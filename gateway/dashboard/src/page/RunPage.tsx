/*  gateway/dashboard/src/page/RunPage.tsx - one run, live

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { useEffect } from "react";
import type { RunItem } from "../core/fleet.ts";
import type { RunStream, RunStreamOptions } from "../core/runstream.ts";
import { useRunStream } from "../hooks/useRunStream.ts";
import { onReturn, setToken } from "./browser.ts";
import { Cancel } from "./Header.tsx";
import { Icon } from "./icons.tsx";
import { views } from "./parts.tsx";
import { RunView } from "./RunView.tsx";
import type { Go, Route } from "./route.ts";

interface RunPageProps extends RunStreamOptions {
  route: Route;
  item: RunItem | undefined /* as the list of runs has it */;
  prompt: string;
  listed: boolean /* the list has been read: who is not in it is not known */;
  go: Go;
  now: number;
  onRuns(): void;
  onStep(by: number): void;
  onHelp(): void;
}

const SLOW_MS = 3000;

export function RunPage(props: RunPageProps) {
  const { runId, env, wsUrl, item, go } = props;
  const { stream } = useRunStream({ env, wsUrl, runId });
  useEffect(() => onReturn(() => stream.kick()), [stream]);
  /* The list knows already what the run's first event says: its agent, and where it works. */
  if (item?.started?.runId === runId && !stream.facts.started) {
    stream.facts.start(item.started, item.startedMs);
  }
  /* Started again under its old name: listen again. */
  const again = stream.released && item !== undefined && item.ended === undefined && item.producer === "alive";
  useEffect(() => {
    if (again) {
      stream.start();
    }
  }, [again, stream]);
  const workOrder = stream.facts.started?.workOrderId ?? item?.workOrderId ?? "";
  const save = (): void => void views.use((more) => more.saveRun(stream));
  const title = firstLine(props.prompt) || workOrder || runId;
  return (
    <RunView
      run={stream}
      title={title}
      workOrder={workOrder}
      route={props.route}
      go={go}
      onRuns={props.onRuns}
      onStep={props.onStep}
      onHelp={props.onHelp}
      onSave={save}
      action={<Help stream={stream} />}
      note={<Note stream={stream} unknown={props.listed && !item} go={go} />}
      tools={
        <>
          {canCancel(stream) ? <Cancel onCancel={() => stream.cancel()} /> : null}
          <button
            type="button"
            class="button quiet"
            aria-label="Download as JSON Lines"
            title="Download as JSON Lines"
            onClick={save}
          >
            <Icon name="save" />
          </button>
        </>
      }
    />
  );
}

export const firstLine = (text: string): string => text.trim().split("\n", 1)[0]?.slice(0, 300) ?? "";

const canCancel = (stream: RunStream): boolean =>
  !stream.facts.ended && stream.confirmed && stream.producer !== "lost" && stream.log.last > 0;

function otherToken(): void {
  setToken("");
  location.reload();
}

/*  The one thing that helps in this state. */
function Help({ stream }: { stream: RunStream }) {
  const helps: Record<string, [string, () => void]> = {
    retry: ["now", () => stream.kick()],
    reload: ["reload", () => location.reload()],
    skip: ["to the latest", () => stream.skip()],
    token: ["another token", otherToken],
  };
  const found = helps[stream.status.action];
  return found ? (
    <button type="button" class="inline" onClick={found[1]}>
      {found[0]}
    </button>
  ) : null;
}

/*  What stands where rows will be. */
function Note({ stream, unknown, go }: { stream: RunStream; unknown: boolean; go: Go }) {
  const { link, env, known } = stream;
  if (!known) {
    const slow = link.attempt > 1 || link.phase === "waiting" || env.clock.now() - link.since > SLOW_MS;
    return slow ? (
      <p>
        No answer yet from {new URL("ws", location.href).host}
        {link.attempt > 1 ? `, try ${link.attempt}` : ""}.
      </p>
    ) : null;
  }
  return (
    <>
      {unknown ? (
        <p>
          <strong>No run of this name is known here.</strong> If it starts, it appears by itself.
        </p>
      ) : (
        <p>Nothing here yet. Events appear as the agent makes them.</p>
      )}
      {unknown ? (
        <p>
          <button type="button" class="button" onClick={() => go({ runId: "", seq: 0, file: "" })}>
            Show the newest run
          </button>
        </p>
      ) : null}
    </>
  );
}
