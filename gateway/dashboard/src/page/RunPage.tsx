/*  gateway/dashboard/src/page/RunPage.tsx - one run: progress, tabs, details

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { useEffect, useMemo, useRef, useState } from "react";
import { Flag, Row } from "../core/rows.ts";
import type { RunStream, RunStreamOptions } from "../core/runstream.ts";
import { bits, type Filter } from "../core/view.ts";
import { useRunStream } from "../hooks/useRunStream.ts";
import { onReturn } from "./browser.ts";
import { DEFAULT_ON, maskOf } from "./chips.ts";
import { Drawer } from "./Drawer.tsx";
import { agentOf, Feed, type FeedHandle } from "./Feed.tsx";
import { Files } from "./Files.tsx";
import { ProgressIndicator } from "./Header.tsx";
import { handleKey } from "./keys.ts";
import { Output } from "./Output.tsx";
import type { Go, Route, Tab } from "./route.ts";
import { Summary } from "./Summary.tsx";
import { useSearch } from "./search.ts";
import { Tabs } from "./Tabs.tsx";
import { Toolbar } from "./Toolbar.tsx";

interface RunPageProps extends RunStreamOptions {
  route: Route;
  workOrder: string;
  go: Go;
  now: number;
  onRuns(): void;
  onStep(by: number): void;
  onHelp(): void;
}

const CALLS = bits(Row.READ, Row.EDIT, Row.BASH, Row.SEARCH, Row.WEB, Row.TOOL, Row.AGENT, Row.TODO);
const NARROW = matchMedia("(max-width: 700px)");

function useNarrow(): boolean {
  const [narrow, setNarrow] = useState(NARROW.matches);
  useEffect(() => {
    const changed = (): void => setNarrow(NARROW.matches);
    NARROW.addEventListener("change", changed);
    return () => NARROW.removeEventListener("change", changed);
  }, []);
  return narrow;
}

const NOTHING: ReadonlySet<number> = new Set();

/*  What each tab with rows shows. */
function useFilter(
  tab: Tab,
  on: ReadonlySet<string>,
  folded: ReadonlySet<number>,
  only: ReadonlySet<number> | undefined,
  matched: number,
): Filter {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the set of matches grows in place
  return useMemo(() => {
    if (tab === "tools") {
      return { kinds: CALLS, failedToo: false, folded: NOTHING, only };
    }
    if (tab === "errors") {
      return { kinds: bits(Row.MISSING, Row.ERROR, Row.WARNING), failedToo: true, folded: NOTHING, only };
    }
    return { kinds: maskOf(on), failedToo: on.has("errors"), folded, only };
  }, [tab, on, folded, only, matched]);
}

const EMPTY: Record<string, string> = {
  activity: "Nothing here yet. Events appear as the agent makes them.",
  tools: "No tool calls yet.",
  errors: "No errors. Failed calls, warnings and gaps would stand here.",
};

export function RunPage({ runId, env, wsUrl, route, workOrder, go, now, onRuns, onStep, onHelp }: RunPageProps) {
  const { stream, version } = useRunStream({ env, wsUrl, runId });
  const [query, setQuery] = useState("");
  const [only, setOnly] = useState(false);
  const [on, setOn] = useState<ReadonlySet<string>>(DEFAULT_ON);
  const [folded, setFolded] = useState<ReadonlySet<number>>(NOTHING);
  const [following, setFollowing] = useState(true);
  const narrow = useNarrow();
  const feed = useRef<FeedHandle>(undefined);
  const searchField = useRef<HTMLInputElement>(null);
  const search = useSearch(stream, query, version);
  const matches = search?.matches;
  const filter = useFilter(route.tab, on, folded, only ? matches : undefined, only ? (search?.count ?? 0) : 0);
  useEffect(() => onReturn(() => stream.kick()), [stream]);
  useTitle(
    stream.facts.started?.workOrderId ?? (workOrder || runId),
    stream.facts.ended ? "" : String(stream.log.last),
  );

  const select = (seq: number): void => go({ seq });
  const fold = (agent: number): void => {
    const next = new Set(folded);
    if (!next.delete(agent)) {
      next.add(agent);
    }
    setFolded(next);
  };
  const foldAt = (seq: number): void => {
    const agent = agentOf(stream, seq);
    if (agent) {
      fold(agent);
    }
  };
  const actions = useRef({});
  actions.current = { stream, route, go, feed, matches, searchField, onFold: foldAt, onStep, onHelp };
  useEffect(() => {
    const key = (event: KeyboardEvent): void => handleKey(event, actions.current as Parameters<typeof handleKey>[1]);
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);

  const rows = route.tab === "activity" || route.tab === "tools" || route.tab === "errors";
  return (
    <div class="run-page">
      <ProgressIndicator stream={stream} workOrder={workOrder} now={now} onRuns={onRuns} onHelp={onHelp} />
      <Tabs stream={stream} tab={route.tab} onTab={(tab) => go({ tab })} />
      {rows ? (
        <Toolbar
          stream={stream}
          chips={route.tab === "activity"}
          on={on}
          setOn={setOn}
          query={query}
          setQuery={setQuery}
          search={search}
          only={only}
          setOnly={setOnly}
          field={searchField}
          following={following}
          onJump={(back) => feed.current?.jump((seq) => matches?.has(seq) ?? false, back)}
          onFollow={() => feed.current?.toggle()}
        />
      ) : null}
      <div
        class={`panel${route.seq && rows ? " with-drawer" : ""}`}
        role="tabpanel"
        id={`panel-${route.tab}`}
        aria-labelledby={`tab-${route.tab}`}
      >
        {rows ? (
          <Feed
            key={`${route.tab}`}
            stream={stream}
            label={route.tab}
            filter={filter}
            selected={route.seq}
            matches={matches}
            matched={search?.count ?? 0}
            rowHeight={narrow ? 52 : 28}
            onSelect={select}
            onFold={fold}
            onFollow={setFollowing}
            handle={feed}
            sizes={route.tab === "tools"}
            empty={stream.catchingUp || !stream.known ? "" : (EMPTY[route.tab] ?? "")}
          />
        ) : null}
        {route.tab === "output" ? <Output stream={stream} version={version} /> : null}
        {route.tab === "files" ? (
          <Files
            stream={stream}
            version={version}
            selected={route.file}
            onSelect={(file) => go({ file })}
            onCall={(seq) => go({ tab: "activity", seq })}
          />
        ) : null}
        {route.seq && rows ? (
          <Drawer
            stream={stream}
            seq={route.seq}
            version={version}
            onClose={() => go({ seq: 0 })}
            onSelect={select}
            onShow={(seq) => go({ tab: "activity", seq })}
            inActivity={route.tab === "activity"}
          />
        ) : null}
      </div>
      {stream.facts.ended && route.tab === "activity" && !route.seq ? (
        <Summary
          stream={stream}
          onError={() => feed.current?.jump((seq) => (stream.log.flags(seq) & Flag.FAILED) !== 0, true)}
        />
      ) : null}
      <Announcer stream={stream} />
    </div>
  );
}

function useTitle(name: string, count: string): void {
  useEffect(() => {
    document.title = `${count ? `(${count}) ` : ""}${name} · agentgate`;
    return () => {
      document.title = "agentgate";
    };
  }, [name, count]);
}

const ANNOUNCE_MS = 10_000;

/*  A feed that spoke every event would flood a screen reader: it hears a sum, at most every 10 s. */
function Announcer({ stream }: { stream: RunStream }) {
  const [text, setText] = useState("");
  useEffect(() => {
    let seen = stream.log.last;
    let failures = stream.facts.errors + stream.facts.failedCalls;
    const id = setInterval(() => {
      const fresh = stream.log.last - seen;
      const now = stream.facts.errors + stream.facts.failedCalls;
      const failed = now - failures;
      if (fresh > 0) {
        setText(`${fresh} new events${failed > 0 ? `, ${failed} failed` : ""}`);
        seen = stream.log.last;
        failures = now;
      }
    }, ANNOUNCE_MS);
    return () => clearInterval(id);
  }, [stream]);
  return <output class="said">{text}</output>;
}
