/*  gateway/dashboard/src/page/FilePage.tsx - a run out of a file that was dropped on the page

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    It stays in this browser: nothing of it is sent anywhere.
*/
import { useEffect, useState } from "react";
import { FileRun } from "../core/filerun.ts";
import { plural } from "../text/format.ts";
import { env } from "./browser.ts";
import { RunView } from "./RunView.tsx";
import type { Go, Route } from "./route.ts";

interface FilePageProps {
  file: File | undefined;
  route: Route;
  go: Go;
  onOpen(): void /* asks for another file */;
  onRuns(): void;
  onStep(by: number): void;
  onHelp(): void;
}

function useFile(file: File | undefined): { run: FileRun | undefined; problem: string } {
  const [state, setState] = useState<{ run: FileRun | undefined; problem: string }>({ run: undefined, problem: "" });
  useEffect(() => {
    let run: FileRun | undefined;
    let gone = false;
    setState({ run, problem: "" });
    if (file) {
      FileRun.open(env, file, file.name).then(
        (opened) => {
          run = opened;
          if (!gone) {
            void run.load();
            setState({ run, problem: "" });
          }
        },
        (error: Error) => gone || setState({ run: undefined, problem: error.message }),
      );
    }
    return () => {
      gone = true;
      run?.stop();
    };
  }, [file]);
  return state;
}

export function FilePage({ file, route, go, onOpen, onRuns, onStep, onHelp }: FilePageProps) {
  const { run, problem } = useFile(file);
  if (!run || !file) {
    return (
      <div class="welcome">
        <h1>{problem ? "This file cannot be shown" : file ? "Reading…" : "No file is open"}</h1>
        {problem ? <p class="bad">{problem}</p> : null}
        <p>A run's download (JSON Lines) can be looked at without a gateway: drop it here, or</p>
        <p>
          <button type="button" class="button strong" onClick={onOpen}>
            Open a file
          </button>
        </p>
        <p class="dim">It stays in this browser.</p>
      </div>
    );
  }
  const workOrder = run.facts.started?.workOrderId ?? "";
  return (
    <RunView
      key={file.name}
      run={run}
      title={workOrder || run.runId}
      workOrder={workOrder}
      route={route}
      go={go}
      onRuns={onRuns}
      onStep={onStep}
      onHelp={onHelp}
      action={
        <span class="from-file" title={run.strange ? `${plural(run.strange, "line")} of it are not of this run` : ""}>
          from {file.name}
        </span>
      }
    />
  );
}
