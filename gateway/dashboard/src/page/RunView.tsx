/*  gateway/dashboard/src/page/RunView.tsx - RunStreamView: a run's progress, tabs, details; live, replayed or from a file

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import type { Player } from "../core/player.ts";
import { Flag, Row } from "../core/rows.ts";
import type { Run } from "../core/run.ts";
import type { Order } from "../core/sorted.ts";
import { bits, type Filter } from "../core/view.ts";
import { maskOf, readKinds, toggled, writeKinds } from "./chips.ts";
import { agentOf, Feed, type FeedHandle, type Sight } from "./Feed.tsx";
import { Badge, ProgressIndicator } from "./Header.tsx";
import { Icon } from "./icons.tsx";
import type { KeyActions } from "./keys.ts";
import { extras, usePart, views, Waiting } from "./parts.tsx";
import { togglePin, usePrefs } from "./prefs.ts";
import type { Go, Route, Tab } from "./route.ts";
import { type Search, useSearch } from "./search.ts";
import { Tabs } from "./Tabs.tsx";
import { Toolbar } from "./Toolbar.tsx";

interface RunViewProps {
  run: Run;
  title: string;
  workOrder: string;
  route: Route;
  go: Go;
  onRuns(): void;
  onStep(by: number): void;
  onHelp(): void;
  onSave?(): void /* all of it */;
  tools?: ComponentChildren;
  action?: ComponentChildren /* what helps in this state, beside the badge's words */;
  note?: ComponentChildren /* in place of rows, when there are none */;
}

const CALLS = bits(Row.READ, Row.EDIT, Row.BASH, Row.SEARCH, Row.WEB, Row.TOOL, Row.AGENT, Row.TODO);
const TROUBLE = bits(Row.MISSING, Row.ERROR, Row.WARNING);
const NARROW = matchMedia("(max-width: 700px)");
const NOTHING: ReadonlySet<number> = new Set();
const ROW_PX = { compact: 22, normal: 28, two: 48 };
const PHONE_ROW_PX = 52;

function useNarrow(): boolean {
  const [narrow, setNarrow] = useState(NARROW.matches);
  useEffect(() => {
    const changed = (): void => setNarrow(NARROW.matches);
    NARROW.addEventListener("change", changed);
    return () => NARROW.removeEventListener("change", changed);
  }, []);
  return narrow;
}

export const useVersion = (run: Run): number => useSyncExternalStore(run.calm.subscribe, run.calm.getSnapshot);

/*  A set that is another object after each change. */
function useToggles(): [ReadonlySet<number>, (id: number) => void] {
  const [set, setSet] = useState(NOTHING);
  const toggle = useCallback((id: number) => {
    setSet((now) => {
      const next = new Set(now);
      if (!next.delete(id)) {
        next.add(id);
      }
      return next;
    });
  }, []);
  return [set, toggle];
}

interface Shown {
  tab: Tab;
  kinds: string;
  folded: ReadonlySet<number>;
  opened: ReadonlySet<number>;
  also: number;
  group: boolean;
  only: ReadonlySet<number> | undefined;
  matched: number;
}

/*  What each tab with rows shows. */
function useFilter({ tab, kinds, folded, opened, also, group, only, matched }: Shown): Filter {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the set of matches grows in place
  return useMemo(() => {
    if (tab === "tools") {
      return { kinds: CALLS, failedToo: false, folded, only };
    }
    if (tab === "errors") {
      return { kinds: TROUBLE, failedToo: true, folded: NOTHING, only, once: true };
    }
    const on = readKinds(kinds);
    return { kinds: maskOf(on), failedToo: on.has("errors"), folded, only, group, opened, also };
  }, [tab, kinds, folded, opened, also, group, only, matched]);
}

/*  The run itself, or a replay of it while there is one. */
function useReplay(base: Run, wanted: boolean): Player | undefined {
  const more = usePart(extras, wanted);
  const player = useMemo(() => (wanted && more?.Player ? new more.Player(base) : undefined), [base, wanted, more]);
  useEffect(() => {
    player?.start();
    player?.play(true);
    return () => player?.stop();
  }, [player]);
  return player;
}

const EMPTY: Record<string, string> = {
  activity: "Nothing here yet. Events appear as the agent makes them.",
  tools: "No tool calls yet.",
  errors: "No errors. Failed calls, warnings and gaps would stand here.",
};

interface Jump {
  jump(back: boolean): void;
  forget(): void;
}

/*  To the next match; when there is none yet, as soon as one is found. */
function useJump(feed: { current: FeedHandle | undefined }, search: Search | undefined): Jump {
  const wish = useRef<boolean>(undefined); /* back? */
  const jump = (back: boolean): void => {
    const found = feed.current?.jump((at) => search?.matches.has(at) ?? false, back) ?? false;
    wish.current = found ? undefined : back;
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: another object whenever more has been found
  useEffect(() => {
    if (search && wish.current !== undefined) {
      jump(wish.current);
      wish.current = search.searching ? wish.current : undefined; /* what comes much later is not meant */
    }
  }, [search]);
  return {
    jump,
    forget: () => {
      wish.current = undefined;
    },
  };
}

function useTitle(name: string, run: Run): void {
  const { ended } = run.facts;
  const mark = ended ? (ended.type === "run_completed" ? "✓ " : "✗ ") : run.log.last > 0 ? "● " : "";
  useEffect(() => {
    document.title = `${mark}${name.slice(0, 80)} · agentgate`;
    return () => {
      document.title = "agentgate";
    };
  }, [name, mark]);
}

function useKeys(actions: KeyActions): void {
  const latest = useRef(actions);
  latest.current = actions;
  useEffect(() => {
    const key = (event: KeyboardEvent): void => {
      /* What is pressed before the part has come is not lost. */
      views.module
        ? views.module.handleKey(event, latest.current)
        : void views.use((m) => m.handleKey(event, latest.current));
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);
}

export function RunView(props: RunViewProps) {
  const { run: base, route, go } = props;
  const { tab, seq, q, regex } = route;
  const [replay, setReplay] = useState(false);
  const player = useReplay(base, replay);
  const run: Run = player ?? base;
  const version = useVersion(run);
  useVersion(base);
  const { density, group, drawer } = usePrefs();
  const [folded, fold] = useToggles();
  const [opened, open] = useToggles();
  const [also, setAlso] = useState(0);
  const [order, setOrder] = useState<{ by: Order; backwards: boolean }>();
  const [following, setFollowing] = useState(true);
  const narrow = useNarrow();
  const feed = useRef<FeedHandle>(undefined);
  const searchField = useRef<HTMLInputElement>(null);
  const sight = useMemo<Sight>(() => ({ first: 0, last: 0, changed: undefined }), []);
  const search = useSearch(run, tab === "files" ? "" : q, regex, version);
  const matches = search?.matches;
  const more = usePart(views, seq !== 0 || tab === "output" || tab === "files");
  const filter = useFilter({
    tab,
    kinds: route.kinds,
    folded,
    opened,
    also: seq === 0 ? 0 : also,
    group: group && !search,
    only: route.only ? matches : undefined,
    matched: route.only ? (search?.count ?? 0) : 0,
  });
  useTitle(props.title, base);

  const rows = tab === "activity" || tab === "tools" || tab === "errors";
  const look = narrow ? "two" : density;
  const select = (at: number): void => go({ seq: at });
  const { jump, forget } = useJump(feed, search);
  const openAt = (at: number): boolean => {
    const agent = at ? agentOf(run, at) : 0;
    agent ? fold(agent) : open(at);
    return true;
  };
  const leave = (): void => {
    setReplay(false);
    go({ seq: 0 });
  };
  useKeys({
    run,
    route,
    go,
    feed,
    matches,
    searchField,
    player: player && { toggle: () => player.play(!player.playing), step: (by) => player.step(by) },
    onJump: jump,
    onOpen: openAt,
    onStep: props.onStep,
    onHelp: props.onHelp,
    onReplay: () => (replay ? leave() : setReplay(true)),
    onPin: () => togglePin(base.runId),
  });
  const on = readKinds(route.kinds);
  const bar = (
    <Toolbar
      run={run}
      tab={tab}
      on={on}
      onChip={(id, alone) => go({ kinds: writeKinds(toggled(on, id, alone)) })}
      query={q}
      regex={regex}
      only={route.only}
      search={search}
      count={matches ? (tab === "output" ? countTexts(run, matches) : (search?.count ?? 0)) : 0}
      field={searchField}
      following={rows && !order ? following : undefined}
      onSearch={(change) => {
        forget();
        go(change);
      }}
      onJump={jump}
      onFollow={() => feed.current?.toggle()}
      onSave={() => void views.use((m) => void m.saveRows(run, feed.current?.seqs() ?? []))}
    />
  );
  const details = rows && seq !== 0;
  return (
    <div class="run-page">
      <ProgressIndicator
        run={run}
        title={props.title}
        workOrder={props.workOrder}
        onRuns={props.onRuns}
        onHelp={props.onHelp}
        tools={
          <>
            {player ? null : props.tools}
            <ReplayButton shown={replay} can={base.log.last > 1} onClick={() => (replay ? leave() : setReplay(true))} />
          </>
        }
      >
        <Badge status={run.status}>{player ? null : props.action}</Badge>
      </ProgressIndicator>
      {player && extras.module ? <extras.module.ReplayBar player={player} version={version} onLeave={leave} /> : null}
      {more && base.log.last > 0 ? (
        <more.Minimap
          base={base}
          run={run}
          sight={rows && !order ? sight : undefined}
          onSeek={(at) => (player ? player.seek(at) : feed.current?.show(at))}
        />
      ) : null}
      <Tabs run={run} tab={tab} onTab={(name) => go({ tab: name })} />
      {bar}
      {more && tab === "tools" && look !== "two" ? <more.SortBar order={order} onOrder={setOrder} /> : null}
      <div
        class={`panel${details ? " with-drawer" : ""}`}
        role="tabpanel"
        id={`panel-${tab}`}
        aria-labelledby={`tab-${tab}`}
      >
        {rows ? (
          <Feed
            key={tab}
            run={run}
            label={tab}
            filter={filter}
            order={tab === "tools" ? order : undefined}
            selected={seq}
            matches={matches}
            matched={search?.count ?? 0}
            rowHeight={narrow ? PHONE_ROW_PX : ROW_PX[density]}
            look={look}
            onSelect={select}
            onFold={fold}
            onGroup={open}
            {...(tab === "activity" ? { onHidden: setAlso } : {})}
            onFollow={setFollowing}
            onNewest={() => setOrder(undefined)}
            handle={feed}
            sight={sight}
            sizes={tab === "tools"}
            empty={emptyNote(run, tab, props.note, route.only && search !== undefined)}
          />
        ) : more ? null : (
          <Waiting part={views} />
        )}
        {more && tab === "output" ? (
          <more.Output run={run} version={version} query={q} regex={regex} matches={matches} handle={feed} />
        ) : null}
        {more && tab === "files" ? (
          <more.Files
            run={run}
            version={version}
            selected={route.file}
            query={q}
            onSelect={(file) => go({ file })}
            onCall={(at) => go({ tab: "activity", seq: at })}
          />
        ) : null}
        {details ? (
          <div class="drawer-box">
            {narrow || !more ? null : (
              <more.Splitter
                key={drawer}
                which="drawer"
                label="Width of the details"
                min={280}
                max={Math.max(320, innerWidth - 480)}
                usual={460}
                back
              />
            )}
            {more ? (
              <more.Drawer
                run={run}
                seq={seq}
                version={version}
                onClose={() => go({ seq: 0 })}
                onSelect={select}
                onShow={(at) => go({ tab: "activity", seq: at })}
                inActivity={tab === "activity"}
              />
            ) : (
              <Waiting part={views} />
            )}
          </div>
        ) : null}
      </div>
      {more && run.facts.ended && tab === "activity" && !seq ? (
        <more.Summary
          run={run}
          onError={() => feed.current?.jump((at) => (run.log.flags(at) & Flag.FAILED) !== 0, false)}
          onFiles={() => go({ tab: "files" })}
          onSave={props.onSave}
          onReplay={player ? undefined : () => setReplay(true)}
        />
      ) : null}
      {more ? <more.Announcer run={run} /> : null}
    </div>
  );
}

function ReplayButton({ shown, can, onClick }: { shown: boolean; can: boolean; onClick(): void }) {
  return can ? (
    <button
      type="button"
      class="button quiet replay-button"
      aria-pressed={shown}
      aria-label="Replay"
      title="Replay the run from its start (r)"
      onClick={onClick}
    >
      <Icon name="replay" />
    </button>
  ) : null;
}

const TEXTS = bits(Row.TEXT, Row.RAW, Row.THINKING);

function countTexts(run: Run, matches: ReadonlySet<number>): number {
  let count = 0;
  for (const seq of matches) {
    count += TEXTS & (1 << run.log.kind(seq)) ? 1 : 0;
  }
  return count;
}

function emptyNote(run: Run, tab: Tab, note: ComponentChildren, searched: boolean): ComponentChildren {
  if (run.log.last === 0 && note) {
    return note;
  }
  if (!run.known || run.catchingUp) {
    return "";
  }
  return searched ? "No row matches." : (EMPTY[tab] ?? "");
}
