/*  gateway/dashboard/src/page/keys.ts - what the keys do

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Single keys can be switched off (view menu): who speaks to the computer says
    letters by accident. Escape and what is held with a modifier stay.
*/
import { jsonText } from "../core/protocol.ts";
import { Flag, isCall } from "../core/rows.ts";
import type { Run } from "../core/run.ts";
import type { FeedHandle } from "./Feed.tsx";
import { prefs } from "./prefs.ts";
import { type Go, type Route, TABS } from "./route.ts";

/*  What a replay does with them. */
export interface PlayerKeys {
  toggle(): void;
  step(by: 1 | -1): void;
}

export interface KeyActions {
  run: Run;
  route: Route;
  go: Go;
  feed: { current: FeedHandle | undefined };
  matches: ReadonlySet<number> | undefined;
  searchField: { current: HTMLInputElement | null };
  player: PlayerKeys | undefined;
  onJump(back: boolean): void /* to a match */;
  onOpen(seq: number): boolean /* a group or a subagent: opened or closed */;
  onStep(by: number): void;
  onHelp(): void;
  onReplay(): void;
  onPin(): void;
}

type Action = (a: KeyActions) => void;

const failed =
  (back: boolean): Action =>
  ({ feed, run }) =>
    feed.current?.jump((seq) => (run.log.flags(seq) & Flag.FAILED) !== 0, back);
const call =
  (back: boolean): Action =>
  ({ feed, run }) =>
    feed.current?.jump((seq) => isCall(run.log.kind(seq)), back);
const tab =
  (at: number): Action =>
  ({ go }) => {
    const name = TABS[at];
    if (name) {
      go({ tab: name });
    }
  };

async function copyEvent({ run, route }: KeyActions): Promise<void> {
  const event = route.seq ? await run.fullBody(route.seq).catch(() => run.body(route.seq)) : undefined;
  if (event) {
    await navigator.clipboard?.writeText(jsonText(event, 2));
  }
}

/*  A group first shows its rows, any other row its details. */
const details: Action = ({ feed, route }) => {
  if (!feed.current?.open(route.seq)) {
    document.querySelector<HTMLElement>(".drawer")?.focus();
  }
};

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
  " ": ({ feed, player }) => (player ? player.toggle() : feed.current?.toggle()),
  Enter: details,
  o: details,
  Escape: ({ go, route }) => (route.seq || route.file) && go({ seq: 0, file: "" }),
  "/": ({ searchField }) => searchField.current?.focus(),
  n: ({ onJump }) => onJump(false),
  N: ({ onJump }) => onJump(true),
  e: failed(false),
  E: failed(true),
  t: call(false),
  T: call(true),
  1: tab(0),
  2: tab(1),
  3: tab(2),
  4: tab(3),
  5: tab(4),
  f: ({ onOpen, route }) => void onOpen(route.seq),
  r: ({ onReplay }) => onReplay(),
  p: ({ onPin }) => onPin(),
  ",": ({ player }) => player?.step(-1),
  ".": ({ player }) => player?.step(1),
  "[": ({ onStep }) => onStep(-1),
  "]": ({ onStep }) => onStep(1),
  c: (a) => void copyEvent(a),
  y: () => void navigator.clipboard?.writeText(location.href),
  "?": ({ onHelp }) => onHelp(),
};

/*  These belong to whatever has the focus: what presses a button, what scrolls the details. */
const PRESSES = new Set(["Enter", " "]);
const SCROLLS = new Set([" ", "ArrowDown", "ArrowUp", "PageDown", "PageUp", "Home", "End"]);
const ARROWS = /^(Arrow|Page|Home|End)/;

/*  Not a shortcut but what a list is moved by and a detail is left by. */
const ALWAYS = /^(Arrow|Page|Home$|End$|Enter$|Escape$)/;

function isOthers(event: KeyboardEvent, target: HTMLElement): boolean {
  return (
    (PRESSES.has(event.key) && target.closest("button, a, summary, label, [role=slider]") !== null) ||
    (SCROLLS.has(event.key) && target.closest(".drawer, .scrolls") !== null) ||
    (ARROWS.test(event.key) && target.closest("[role=slider], [role=separator], [role=tab]") !== null)
  );
}

export function handleKey(event: KeyboardEvent, actions: KeyActions): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) {
    return;
  }
  const target = event.target as HTMLElement;
  if (target.closest("input, textarea, select, dialog, .menu")) {
    if (event.key === "Escape") {
      target.blur();
    }
    return;
  }
  if (isOthers(event, target) || (!prefs().keys && !ALWAYS.test(event.key))) {
    return;
  }
  const action = Object.hasOwn(ACTIONS, event.key) ? ACTIONS[event.key] : undefined;
  if (action) {
    event.preventDefault();
    action(actions);
  }
}
