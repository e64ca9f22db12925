/*  gateway/dashboard/src/page/Announcer.tsx - what a screen reader is told of a run

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A feed that spoke every event would flood it: it hears a sum, at most every
    10 s, and is interrupted only by a failed run or a connection lost for longer.
*/
import { useEffect, useState } from "react";
import type { Run } from "../core/run.ts";
import type { StatusName } from "../core/status.ts";
import { plural } from "../text/format.ts";
import { describe } from "./Header.tsx";

const ANNOUNCE_MS = 10_000;

/*  Names of states that are worth a word when they begin; the others are told by the sum. */
const WORDS: Partial<Record<StatusName, string>> = {
  live: "Live",
  reconnecting: "Connection lost, reconnecting",
  behind: "This page is behind",
  lost: "Executor not heard from",
  error: "Not connected",
};

function news(run: Run, fresh: number, failed: number): string {
  const { lastCall, started, ended } = run.facts;
  const doing = lastCall && !ended ? `, ${describe(lastCall, started?.cwd).slice(0, 80)}` : "";
  return `${plural(fresh, "new event")}${failed > 0 ? `, ${failed} failed` : ""}${doing}`;
}

export function Announcer({ run }: { run: Run }) {
  const [text, setText] = useState("");
  const [alarm, setAlarm] = useState("");
  const { status, known } = run;
  const { name } = status;
  const { ended } = run.facts;
  /* A run that had failed before somebody looked is no alarm. */
  const failed =
    ended?.type === "run_failed" && ended.seq > run.openedAt && name !== "replay" && name !== "catching-up";
  // biome-ignore lint/correctness/useExhaustiveDependencies: the words of the moment it failed
  useEffect(() => {
    setAlarm(failed ? `The run has failed: ${status.text}` : "");
  }, [failed]);
  useEffect(() => {
    setText(known ? (WORDS[name] ?? "") : "");
    if (name !== "reconnecting" || !known) {
      return undefined;
    }
    const id = setTimeout(() => setAlarm("The connection has been lost for ten seconds"), ANNOUNCE_MS);
    return () => {
      clearTimeout(id);
      setAlarm("");
    };
  }, [name, known]);
  useEffect(() => {
    let seen = run.log.last;
    let failures = run.facts.errors + run.facts.failedCalls;
    const id = setInterval(() => {
      const now = run.facts.errors + run.facts.failedCalls;
      if (run.log.last > seen) {
        setText(news(run, run.log.last - seen, now - failures));
      }
      seen = run.log.last;
      failures = now;
    }, ANNOUNCE_MS);
    return () => clearInterval(id);
  }, [run]);
  return (
    <>
      <output class="said">{text}</output>
      <span class="said" role="alert">
        {alarm}
      </span>
    </>
  );
}
