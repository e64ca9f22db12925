/*  gateway/dashboard/src/page/Feed.tsx - a view of a run as a list that follows or stands still

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { useEffect, useMemo, useRef, useState } from "react";
import { Flag, Row } from "../core/rows.ts";
import type { RunStream } from "../core/runstream.ts";
import { type Filter, View } from "../core/view.ts";
import { grouped, plural } from "../text/format.ts";
import { Icon } from "./icons.tsx";
import { RowList } from "./rowlist.ts";
import { bindRow, canFetch, createRow, type RowContext, titleRow } from "./rownode.ts";

/*  Failures are counted in so many of the newest rows. */
const COUNTED = 20_000;

export interface FeedHandle {
  move(by: number): void;
  home(): void;
  end(): void;
  toggle(): void;
  jump(accept: (seq: number) => boolean, back: boolean): void;
  page(back: boolean): void;
}

export interface FeedProps {
  stream: RunStream;
  label: string;
  filter: Filter;
  selected: number;
  matches: ReadonlySet<number> | undefined;
  matched: number /* size of matches, which grows in place */;
  rowHeight: number;
  onSelect(seq: number): void;
  onFold?(agent: number): void;
  onFollow(following: boolean): void;
  handle: { current: FeedHandle | undefined };
  sizes: boolean;
  empty: string;
}

interface Kept {
  view: View;
  list: RowList | undefined;
  context: RowContext;
  generation: number;
}

function paint(kept: Kept, stream: RunStream): void {
  if (kept.generation !== stream.generation) {
    kept.generation = stream.generation;
    kept.view.setLog(stream.log);
  }
  kept.view.update();
  kept.list?.paint();
}

/*  When every row in sight is new in every frame nobody can read them: then
    every second frame is enough, and the processor is left to others. */
function painter(kept: Kept, stream: RunStream): () => void {
  let flood = false;
  return () => {
    if (flood && kept.list?.following) {
      flood = false;
      stream.live.touch();
      return;
    }
    const before = kept.view.length;
    paint(kept, stream);
    flood = kept.view.length - before >= (kept.list?.pageRows() ?? 0);
  };
}

/*  What the keyboard does; the list is asked, not the framework. */
function makeHandle(kept: Kept, props: () => FeedProps): FeedHandle {
  const select = (row: number): void => {
    const seq = kept.view.seqAt(Math.max(0, Math.min(kept.view.length - 1, row)));
    if (seq && kept.list) {
      kept.list.follow(false);
      kept.list.reveal(kept.view.rowOf(seq), "nearest");
      props().onSelect(seq);
    }
  };
  const current = (): number => {
    const { selected } = props();
    return selected ? kept.view.rowOf(selected) : kept.view.length;
  };
  const jump: FeedHandle["jump"] = (accept, back) => {
    const { length } = kept.view;
    const from = props().selected ? current() : back ? length : -1;
    for (let step = 1; step <= length; step++) {
      /* Past the end it goes on at the other end. */
      const row = (from + (back ? -step : step) + length) % length;
      if (accept(kept.view.seqAt(row))) {
        select(row);
        return;
      }
    }
  };
  return {
    move: (by) => select(current() + by),
    home: () => select(0),
    end: () => kept.list?.follow(true),
    toggle: () => kept.list?.follow(!kept.list.following),
    page: (back) => select(current() + (kept.list?.pageRows() ?? 10) * (back ? -1 : 1)),
    jump,
  };
}

export function Feed(props: FeedProps) {
  const { stream, filter, selected, matches, rowHeight, handle } = props;
  const scroller = useRef<HTMLElement>(null);
  const space = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const [pause, setPause] = useState<number>(); /* last seq when following stopped */

  const kept = useMemo<Kept>(
    () => ({
      view: new View(stream.log, latest.current.filter),
      list: undefined,
      generation: stream.generation,
      context: { stream, selected: 0, matches: undefined, newFrom: 0, folded: new Set(), sizes: latest.current.sizes },
    }),
    [stream],
  );

  useEffect(() => {
    kept.list = new RowList({
      scroller: scroller.current as HTMLElement,
      space: space.current as HTMLElement,
      rowHeight: latest.current.rowHeight,
      source: kept.view,
      create: createRow,
      bind: (node, seq) => bindRow(node, kept.context, seq),
      anchors: (seq) => stream.log.kind(seq) !== Row.MISSING,
      onFollow: (following) => {
        kept.context.newFrom = following || stream.log.last === 0 ? 0 : stream.log.last + 1;
        setPause(following ? undefined : stream.log.last);
        latest.current.onFollow(following);
      },
    });
    handle.current = makeHandle(kept, () => latest.current);
    const stop = stream.live.subscribe(painter(kept, stream));
    if (latest.current.selected) {
      kept.list.follow(false);
    }
    paint(kept, stream);
    return () => {
      stop();
      kept.list?.destroy();
      kept.list = undefined;
      handle.current = undefined;
    };
  }, [stream, kept, handle]);

  useEffect(() => {
    kept.context.folded = filter.folded;
    kept.view.setFilter(filter);
    paint(kept, stream);
  }, [kept, stream, filter]);

  useEffect(() => {
    if (kept.list) {
      kept.list.rowHeight = rowHeight;
    }
  }, [kept, rowHeight]);

  /* A permalink: stand at the row as soon as it is there. */
  const revealed = useRef(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: matches grows in place
  useEffect(() => {
    kept.context.selected = rowSeq(stream, selected);
    kept.context.matches = matches;
    kept.list?.paint();
    if (!selected || revealed.current === selected) {
      return undefined;
    }
    let near = false;
    const reveal = (): boolean => {
      const row = kept.view.rowOf(rowSeq(stream, selected));
      if (stream.log.last < selected || row < 0) {
        return false;
      }
      const missing = stream.log.kind(selected) === Row.MISSING;
      if (missing && near) {
        return false;
      }
      near = true;
      kept.context.selected = rowSeq(stream, selected);
      kept.list?.follow(false);
      kept.list?.reveal(row, kept.list.nodeOf(row) ? "nearest" : "center");
      if (missing) {
        stream.prefer(selected);
        return false;
      }
      revealed.current = selected;
      return true;
    };
    if (reveal()) {
      return undefined;
    }
    const stop = stream.live.subscribe(() => {
      if (reveal()) {
        stop();
      }
    });
    return stop;
  }, [kept, stream, selected, matches, props.matched]);

  const click = (event: MouseEvent): void => {
    const row = (event.target as Element).closest<HTMLElement>(".row");
    const seq = Number(row?.dataset.seq);
    if (!row || !seq || !getSelection()?.isCollapsed) {
      return;
    }
    const onBadge = (event.target as Element).classList.contains("act");
    if (onBadge && canFetch(stream, seq)) {
      const { from, to } = stream.log.missingStretch(seq);
      stream.fetchMissing(from, to);
      return;
    }
    const agent = stream.log.kind(seq) === Row.AGENT ? agentOf(stream, seq) : 0;
    if (agent && (event.target as Element).closest(".icon")) {
      props.onFold?.(agent);
      return;
    }
    kept.list?.follow(false);
    props.onSelect(seq);
  };

  const point = (event: MouseEvent): void => {
    const row = (event.target as Element).closest<HTMLElement>(".row");
    if (row && !row.title) {
      titleRow(row);
    }
  };

  const rows = kept.view.length;
  return (
    <div class="feedbox">
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: one listener for all rows; the keys are the page's */}
      {/* biome-ignore lint/a11y/useKeyWithMouseEvents: only the title of a cut line; the details have it all */}
      <section
        class="feed"
        ref={scroller}
        role="feed"
        aria-label={props.label}
        aria-busy={stream.catchingUp ? "true" : "false"}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scroll area must be reachable by keyboard
        tabIndex={0}
        onClick={click}
        onMouseOver={point}
      >
        <div class="space" ref={space} />
      </section>
      {rows === 0 ? <p class="hint">{props.empty}</p> : null}
      {pause !== undefined && rows > 0 ? (
        <Pill {...newRows(kept.view, stream, pause)} onClick={() => kept.list?.follow(true)} />
      ) : null}
    </div>
  );
}

/*  The subagent that the call seq started; 0 none. */
export function agentOf(stream: RunStream, seq: number): number {
  for (const agent of stream.facts.agents.values()) {
    if (agent.callSeq === seq) {
      return agent.number;
    }
  }
  return 0;
}

/*  Rows that came after the reader stopped following; what was there when the page was opened is not new. */
function newRows(view: View, stream: RunStream, pause: number): { fresh: number; failures: number } {
  const from = view.rowOf(Math.max(pause, stream.openedAt)) + 1;
  let failures = 0;
  for (let row = Math.max(from, view.length - COUNTED); row < view.length; row++) {
    failures += stream.log.flags(view.seqAt(row)) & Flag.FAILED ? 1 : 0;
  }
  return { fresh: view.length - from, failures };
}

/*  The row that stands for seq: a result is part of its call's. */
function rowSeq(stream: RunStream, seq: number): number {
  return (stream.log.kind(seq) === Row.RESULT && stream.log.partner(seq)) || seq;
}

function Pill({ fresh, failures, onClick }: { fresh: number; failures: number; onClick(): void }) {
  return (
    <button type="button" class={`pill${fresh > 0 && failures > 0 ? " bad" : ""}`} onClick={onClick}>
      <Icon name="down" />
      {fresh > 0 ? `${grouped(fresh)} new` : "Jump to latest"}
      {fresh > 0 && failures > 0 ? `, ${plural(failures, "failure")}` : ""}
    </button>
  );
}
