/*  gateway/dashboard/src/page/keys.ts - what the keys do

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { Flag, isCall } from "../core/rows.ts";
import type { RunStream } from "../core/runstream.ts";
import type { FeedHandle } from "./Feed.tsx";
import { type Go, type Route, TABS } from "./route.ts";

export interface KeyActions {
  stream: RunStream;
  route: Route;
  go: Go;
  feed: { current: FeedHandle | undefined };
  matches: ReadonlySet<number> | undefined;
  searchField: { current: HTMLInputElement | null };
  onFold(seq: number): void;
  onStep(by: number): void;
  onHelp(): void;
}

type Action = (a: KeyActions) => void;

const failed =
  (back: boolean): Action =>
  ({ feed, stream }) =>
    feed.current?.jump((seq) => (stream.log.flags(seq) & Flag.FAILED) !== 0, back);
const call =
  (back: boolean): Action =>
  ({ feed, stream }) =>
    feed.current?.jump((seq) => isCall(stream.log.kind(seq)), back);
const match =
  (back: boolean): Action =>
  ({ feed, matches }) =>
    feed.current?.jump((seq) => matches?.has(seq) ?? false, back);
const tab =
  (at: number): Action =>
  ({ go }) => {
    const name = TABS[at];
    if (name) {
      go({ tab: name });
    }
  };

async function copyEvent({ stream, route }: KeyActions): Promise<void> {
  const event = route.seq ? await stream.fullBody(route.seq).catch(() => stream.body(route.seq)) : undefined;
  if (event) {
    await navigator.clipboard?.writeText(JSON.stringify(event, null, 2));
  }
}

const ACTIONS: Record<string, Action> = {
  j: ({ feed }) => feed.current?.move(1),
  k: ({ feed }) => feed.current?.move(-1),
  ArrowDown: ({ feed }) => feed.current?.move(1),
  ArrowUp: ({ feed }) => feed.current?.move(-1),
  PageDown: ({ feed }) => feed.current?.page(false),
  PageUp: ({ feed }) => feed.current?.page(true),
  g: ({ feed }) => feed.current?.home(),
  Home: ({ feed }) => feed.current?.home(),
  G: ({ feed }) => feed.current?.end(),
  End: ({ feed }) => feed.current?.end(),
  " ": ({ feed }) => feed.current?.toggle(),
  Enter: () => document.querySelector<HTMLElement>(".drawer")?.focus(),
  o: () => document.querySelector<HTMLElement>(".drawer")?.focus(),
  Escape: ({ go, route }) => route.seq && go({ seq: 0 }),
  "/": ({ searchField }) => searchField.current?.focus(),
  n: match(false),
  N: match(true),
  e: failed(false),
  E: failed(true),
  t: call(false),
  T: call(true),
  1: tab(0),
  2: tab(1),
  3: tab(2),
  4: tab(3),
  5: tab(4),
  f: ({ onFold, route }) => onFold(route.seq),
  "[": ({ onStep }) => onStep(-1),
  "]": ({ onStep }) => onStep(1),
  c: (a) => void copyEvent(a),
  y: () => void navigator.clipboard?.writeText(location.href),
  "?": ({ onHelp }) => onHelp(),
};

/*  These belong to whatever has the focus: what presses a button, what scrolls the details. */
const PRESSES = new Set(["Enter", " "]);
const SCROLLS = new Set([" ", "ArrowDown", "ArrowUp", "PageDown", "PageUp", "Home", "End"]);

export function handleKey(event: KeyboardEvent, actions: KeyActions): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) {
    return;
  }
  const target = event.target as HTMLElement;
  if (target.closest("input, textarea, select, dialog")) {
    if (event.key === "Escape") {
      target.blur();
    }
    return;
  }
  if (
    (PRESSES.has(event.key) && target.closest("button, a, summary")) ||
    (SCROLLS.has(event.key) && target.closest(".drawer, .scrolls"))
  ) {
    return;
  }
  const action = Object.hasOwn(ACTIONS, event.key) ? ACTIONS[event.key] : undefined;
  if (action) {
    event.preventDefault();
    action(actions);
  }
}
