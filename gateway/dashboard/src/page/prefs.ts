/*  gateway/dashboard/src/page/prefs.ts - how a reader likes the page; remembered in this browser

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { useSyncExternalStore } from "react";
import { recall, remember } from "./browser.ts";

export type Density = "compact" | "normal" | "two";

export interface Prefs {
  density: Density;
  group: boolean /* reads in a row */;
  wrap: boolean /* long lines in details */;
  split: boolean /* diffs side by side */;
  keys: boolean /* single-key shortcuts */;
  rail: number /* px; 0: as it comes */;
  drawer: number;
  pins: string[] /* run ids */;
}

const KEY = "agentgate.prefs";
const USUAL: Prefs = {
  density: "normal",
  group: true,
  wrap: true,
  split: false,
  keys: true,
  rail: 0,
  drawer: 0,
  pins: [],
};
export const PINS_MAX = 4;
const SIZE_MAX = 2000;

function read(): Prefs {
  let kept: Partial<Prefs> = {};
  try {
    kept = (JSON.parse(recall(KEY)) ?? {}) as Partial<Prefs>;
  } catch {
    /* nothing kept, or by another version */
  }
  const flag = (name: "group" | "wrap" | "split" | "keys"): boolean => {
    const value = kept[name];
    return typeof value === "boolean" ? value : USUAL[name];
  };
  const size = (value: unknown): number => (typeof value === "number" && value > 0 && value < SIZE_MAX ? value : 0);
  return {
    density: kept.density === "compact" || kept.density === "two" ? kept.density : "normal",
    group: flag("group"),
    wrap: flag("wrap"),
    split: flag("split"),
    keys: flag("keys"),
    rail: size(kept.rail),
    drawer: size(kept.drawer),
    pins: (Array.isArray(kept.pins) ? kept.pins : []).filter((id) => typeof id === "string").slice(0, PINS_MAX),
  };
}

let now = read();
const listeners = new Set<() => void>();
const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export const prefs = (): Prefs => now;

export function setPrefs(change: Partial<Prefs>): void {
  now = { ...now, ...change };
  remember(KEY, JSON.stringify(now));
  for (const listener of [...listeners]) {
    listener();
  }
}

/*  Widths are custom properties of the root: set through the CSSOM, which the policy allows. */
export function applyWidths(): void {
  const { rail, drawer } = prefs();
  const { style } = document.documentElement;
  for (const [name, px] of [
    ["--rail", rail],
    ["--drawer", drawer],
  ] as const) {
    px ? style.setProperty(name, `${px}px`) : style.removeProperty(name);
  }
}

/*  Another tab has changed them. */
addEventListener("storage", (event) => {
  if (event.key === KEY) {
    now = read();
    for (const listener of [...listeners]) {
      listener();
    }
  }
});

export const usePrefs = (): Prefs => useSyncExternalStore(subscribe, prefs);

export function togglePin(runId: string): void {
  const pins = now.pins.filter((id) => id !== runId);
  setPrefs({ pins: pins.length < now.pins.length ? pins : [...pins, runId].slice(-PINS_MAX) });
}
