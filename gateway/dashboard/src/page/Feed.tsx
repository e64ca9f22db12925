/*  gateway/dashboard/src/page/Feed.tsx - a view of a run as a list that follows or stands still

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "react";
import { Flag, Row } from "../core/rows.ts";
import type { Run } from "../core/run.ts";
import { type Order, Sorted } from "../core/sorted.ts";
import { type Filter, View } from "../core/view.ts";
import { clockTime, grouped, plural } from "../text/format.ts";
import { Icon } from "./icons.tsx";
import type { Density } from "./prefs.ts";
import { RowList } from "./rowlist.ts";
import { bindRow, canFetch, createRow, type RowContext, titleRow } from "./rownode.ts";

/*  Failures are counted in so many of the newest rows. */
const COUNTED = 20_000;

export interface FeedHandle {
  move(by: number): void;
  home(): void;
  end(): void;
  toggle(): void;
  jump(accept: (seq: number) => boolean, back: boolean): boolean /* there was one */;
  page(back: boolean): void;
  show(seq: number): void /* brings it into sight, selects nothing */;
  open(seq: number): boolean /* the group that it stands for, if it is closed */;
  seqs(): number[] /* of all rows */;
}

/*  Which seqs are in sight, for whoever draws that. */
export interface Sight {
  first: number;
  last: number;
  changed: (() => void) | undefined;
}

export interface FeedProps {
  run: Run;
  label: string;
  filter: Filter;
  order?: { by: Order; backwards: boolean } | undefined;
  selected: number;
  matches?: ReadonlySet<number> | undefined;
  matched?: number /* size of matches, which grows in place */;
  rowHeight: number;
  look?: Density;
  sizes?: boolean;
  empty: ComponentChildren;
  onSelect(seq: number): void;
  onFold?(agent: number): void;
  onGroup?(first: number): void /* open or close it */;
  onHidden?(seq: number): void /* selected, and no row under this filter */;
  onFollow?(following: boolean): void;
  onNewest?(): void /* out of a sorted table */;
  handle?: { current: FeedHandle | undefined };
  sight?: Sight;
}

interface Kept {
  view: View;
  sorted: Sorted | undefined;
  list: RowList | undefined;
  context: RowContext;
  newFrom: number /* what came later is new; 0: all has been seen */;
  generation: number;
}

const rowsOf = (kept: Kept): View | Sorted => kept.sorted ?? kept.view;

function paint(kept: Kept, run: Run): void {
  const { view, context } = kept;
  if (kept.generation !== run.generation) {
    kept.generation = run.generation;
    kept.newFrom = 0;
    kept.sorted = undefined;
    view.setLog(run.log);
  }
  view.update();
  /* The line stands above the first row that is new, whatever kind of event came first. */
  context.newSeq = kept.newFrom && !kept.sorted ? view.seqAt(view.rowOf(kept.newFrom - 1) + 1) : 0;
  kept.list?.paint();
}

/*  When every row in sight is new in every frame nobody can read them: then
    every second frame is enough, and the processor is left to others. */
function painter(kept: Kept, run: Run): () => void {
  let flood = false;
  return () => {
    if (flood && kept.list?.following) {
      flood = false;
      run.live.touch();
      return;
    }
    const before = kept.view.length;
    paint(kept, run);
    flood = kept.view.length - before >= (kept.list?.pageRows() ?? 0);
  };
}

/*  What the keyboard does; the list is asked, not the framework. */
function makeHandle(kept: Kept, scroller: HTMLElement, props: () => FeedProps): FeedHandle {
  const select = (row: number): void => {
    const rows = rowsOf(kept);
    const seq = rows.seqAt(Math.max(0, Math.min(rows.length - 1, row)));
    if (seq && kept.list) {
      const inside = scroller.contains(document.activeElement);
      kept.list.follow(false);
      kept.list.reveal(rows.rowOf(seq), "nearest");
      props().onSelect(seq);
      if (inside) {
        kept.list.focus(rows.rowOf(seq));
      }
    }
  };
  const current = (): number => {
    const { selected, run } = props();
    return selected ? rowsOf(kept).rowOf(rowSeq(run, selected)) : rowsOf(kept).length;
  };
  const jump: FeedHandle["jump"] = (accept, back) => {
    const { length } = rowsOf(kept);
    const from = props().selected ? current() : back ? length : -1;
    for (let step = 1; step <= length; step++) {
      /* Past the end it goes on at the other end. */
      const row = (from + (back ? -step : step) + length) % length;
      if (accept(rowsOf(kept).seqAt(row))) {
        select(row);
        return true;
      }
    }
    return false;
  };
  return {
    move: (by) => select(current() + by),
    home: () => select(0),
    end: () => (kept.sorted ? props().onNewest?.() : kept.list?.follow(true)),
    toggle: () => kept.list?.follow(!kept.list.following),
    page: (back) => select(current() + (kept.list?.pageRows() ?? 10) * (back ? -1 : 1)),
    jump,
    show: (seq) => {
      kept.list?.follow(false);
      kept.list?.reveal(Math.max(0, rowsOf(kept).rowOf(seq)), "center");
    },
    open: (seq) => {
      const group = kept.view.groupOf(seq);
      const closed = group?.first === seq && !kept.view.isOpened(group);
      if (closed) {
        props().onGroup?.(seq);
      }
      return closed;
    },
    seqs: () => Array.from({ length: rowsOf(kept).length }, (_, row) => rowsOf(kept).seqAt(row)),
  };
}

/*  Whoever was away finds a line above what came meanwhile. */
function useAway(kept: Kept, run: Run): void {
  useEffect(() => {
    const seen = (): void => {
      if (document.hidden && kept.list?.following && run.log.last > 0) {
        kept.newFrom = run.log.last + 1;
        kept.context.newSince = `new since ${clockTime(Date.now())}`;
      }
    };
    document.addEventListener("visibilitychange", seen);
    return () => document.removeEventListener("visibilitychange", seen);
  }, [kept, run]);
}

export function Feed(props: FeedProps) {
  const { run, filter, order, selected, matches, rowHeight, handle } = props;
  const scroller = useRef<HTMLElement>(null);
  const space = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const [pause, setPause] = useState<number>(); /* last seq when following stopped */
  const [atEnd, setAtEnd] = useState(true); /* the newest row is in sight */

  const kept = useMemo<Kept>(() => {
    const view = new View(run.log, latest.current.filter);
    const { sizes = false } = latest.current;
    const context = {
      run,
      view,
      selected: 0,
      matches: undefined,
      newSeq: 0,
      newSince: "",
      folded: new Set<number>(),
      sizes,
    };
    return { view, sorted: undefined, list: undefined, newFrom: 0, generation: run.generation, context };
  }, [run]);
  if (kept.view.filter !== filter) {
    kept.view.setFilter(filter);
  }
  if (kept.view.length === 0) {
    kept.view.update(); /* now: whether it is empty is said below */
  }
  useAway(kept, run);

  useEffect(() => {
    const { sight } = latest.current;
    const box = scroller.current as HTMLElement;
    kept.list = new RowList({
      scroller: box,
      space: space.current as HTMLElement,
      rowHeight: latest.current.rowHeight,
      source: {
        get length() {
          return rowsOf(kept).length;
        },
        seqAt: (row) => rowsOf(kept).seqAt(row),
        rowOf: (seq) => rowsOf(kept).rowOf(seq),
      },
      create: createRow,
      bind: (node, seq) => bindRow(node, kept.context, seq),
      anchors: (seq) => run.log.kind(seq) !== Row.MISSING,
      onFollow: (following) => {
        kept.newFrom = following || run.log.last === 0 ? 0 : run.log.last + 1;
        kept.context.newSince = `new since ${clockTime(Date.now())}`;
        setPause(following ? undefined : run.log.last);
        latest.current.onFollow?.(following);
      },
      onSight: (first, last) => {
        const rows = rowsOf(kept);
        setAtEnd(last === rows.seqAt(rows.length - 1));
        if (sight) {
          sight.first = first;
          sight.last = last;
          sight.changed?.();
        }
      },
    });
    const own = makeHandle(kept, box, () => latest.current);
    if (handle) {
      handle.current = own;
    }
    const stop = run.live.subscribe(painter(kept, run));
    if (latest.current.selected) {
      kept.list.follow(false);
    }
    paint(kept, run);
    return () => {
      stop();
      kept.list?.destroy();
      kept.list = undefined;
      if (handle?.current === own) {
        handle.current = undefined; /* the next one may have come before this one goes */
      }
    };
  }, [run, kept, handle]);

  useEffect(() => {
    kept.context.folded = filter.folded;
    kept.sorted = order ? new Sorted(kept.view, run.log, order.by, order.backwards) : undefined;
    if (order) {
      kept.list?.follow(false);
      kept.list?.reveal(0, "nearest");
    }
    paint(kept, run);
  }, [kept, run, filter, order]);

  /* How long a call has been running is told by the second, also when nothing comes. */
  useEffect(() => {
    const id = setInterval(() => {
      if (run.facts.open.size > 0 && !document.hidden) {
        kept.list?.paint();
      }
    }, 1000);
    return () => clearInterval(id);
  }, [kept, run]);

  useEffect(() => {
    if (kept.list) {
      kept.list.rowHeight = rowHeight;
    }
  }, [kept, rowHeight]);

  /* A permalink: stand at the row as soon as it is there. */
  const revealed = useRef(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: matches grows in place
  useEffect(() => {
    kept.context.selected = rowSeq(run, selected);
    kept.context.matches = matches;
    kept.list?.paint();
    if (!selected || revealed.current === selected) {
      return undefined;
    }
    let near = false;
    const reveal = (): boolean => {
      const at = rowSeq(run, selected);
      const row = rowsOf(kept).rowOf(at);
      if (run.log.last < selected || row < 0) {
        return false;
      }
      const missing = run.log.kind(selected) === Row.MISSING;
      if (missing && near) {
        return false;
      }
      const group = kept.view.groupOf(at);
      if (group && group.first !== at && !kept.view.isOpened(group) && latest.current.onGroup) {
        latest.current.onGroup(group.first); /* and then once more, with another filter */
        return true;
      }
      if (
        !missing &&
        rowsOf(kept).seqAt(row) !== at &&
        !group &&
        kept.view.filter.also !== at &&
        latest.current.onHidden
      ) {
        latest.current.onHidden(at);
        return true;
      }
      near = true;
      kept.context.selected = at;
      kept.list?.follow(false);
      kept.list?.reveal(row, kept.list.nodeOf(row) ? "nearest" : "center");
      if (missing) {
        run.prefer(selected);
        return false;
      }
      revealed.current = selected;
      return true;
    };
    if (reveal()) {
      return undefined;
    }
    const stop = run.live.subscribe(() => {
      if (reveal()) {
        stop();
      }
    });
    return stop;
  }, [kept, run, filter, selected, matches, props.matched]);

  const click = (event: MouseEvent): void => {
    const row = (event.target as Element).closest<HTMLElement>(".row");
    const seq = Number(row?.dataset.seq);
    if (!row || !seq || !getSelection()?.isCollapsed) {
      return;
    }
    const onIcon = (event.target as Element).closest(".icon") !== null;
    const onBadge = (event.target as Element).classList.contains("act");
    if (onBadge && canFetch(run, seq)) {
      const { from, to } = run.log.missingStretch(seq);
      run.fetchMissing(from, to);
      return;
    }
    const agent = run.log.kind(seq) === Row.AGENT ? agentOf(run, seq) : 0;
    if (agent && onIcon) {
      props.onFold?.(agent);
      return;
    }
    const group = kept.view.groupOf(seq);
    if (group?.first === seq && props.onGroup && (onIcon || !kept.view.isOpened(group))) {
      kept.list?.follow(false);
      props.onGroup(seq);
      return;
    }
    kept.list?.follow(false);
    props.onSelect(seq);
  };

  const point = (event: MouseEvent): void => {
    const row = (event.target as Element).closest<HTMLElement>(".row");
    if (row && !row.title) {
      titleRow(row, run);
    }
  };

  const rows = rowsOf(kept).length;
  return (
    <div class={`feedbox ${props.look ?? "normal"}`} style={{ "--row": `${rowHeight}px` }}>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: one listener for all rows; the keys are the page's */}
      {/* biome-ignore lint/a11y/useKeyWithMouseEvents: only the title of a cut line; the details have it all */}
      <section
        class="feed"
        ref={scroller}
        role="feed"
        aria-label={props.label}
        aria-busy={run.catchingUp || !run.known ? "true" : "false"}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scroll area must be reachable by keyboard
        tabIndex={0}
        onClick={click}
        onMouseOver={point}
      >
        <div class="space" ref={space} />
      </section>
      {run.known || rows > 0 ? null : <div class="skeleton" aria-hidden="true" />}
      {rows === 0 ? <div class="hint">{props.empty}</div> : null}
      {kept.sorted ? (
        <Pill
          fresh={kept.view.length - kept.sorted.length}
          failures={0}
          words="As it comes"
          onClick={() => props.onNewest?.()}
        />
      ) : pause !== undefined && rows > 0 && !atEnd ? (
        <Pill {...newRows(kept.view, run, pause)} onClick={() => kept.list?.follow(true)} />
      ) : null}
    </div>
  );
}

/*  The subagent that the call seq started; 0 none. */
export function agentOf(run: Run, seq: number): number {
  for (const agent of run.facts.agents.values()) {
    if (agent.callSeq === seq) {
      return agent.number;
    }
  }
  return 0;
}

/*  Rows that came after the reader stopped following; what was there when the page was opened is not new. */
function newRows(view: View, run: Run, pause: number): { fresh: number; failures: number } {
  const from = view.rowOf(Math.max(pause, run.openedAt)) + 1;
  let failures = 0;
  for (let row = Math.max(from, view.length - COUNTED); row < view.length; row++) {
    failures += run.log.flags(view.seqAt(row)) & Flag.FAILED ? 1 : 0;
  }
  return { fresh: view.length - from, failures };
}

/*  The row that stands for seq: a result is part of its call's. */
function rowSeq(run: Run, seq: number): number {
  return (run.log.kind(seq) === Row.RESULT && run.log.partner(seq)) || seq;
}

interface PillProps {
  fresh: number;
  failures: number;
  words?: string;
  onClick(): void;
}

function Pill({ fresh, failures, words = "Jump to latest", onClick }: PillProps) {
  return (
    <button type="button" class={`pill${fresh > 0 && failures > 0 ? " bad" : ""}`} onClick={onClick}>
      <Icon name="down" />
      {fresh > 0 ? `${grouped(fresh)} new` : words}
      {fresh > 0 && failures > 0 ? `, ${plural(failures, "failure")}` : ""}
    </button>
  );
}
