/*  gateway/dashboard/src/core/notify.ts - tell listeners that something changed, at most once a frame or once in so many ms

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import type { Clock, FrameScheduler } from "./env.ts";

/*  The two functions that React's useSyncExternalStore wants. */
export interface Source {
  subscribe: (listener: () => void) => () => void;
  getSnapshot: () => number;
}

export class Notifier implements Source {
  readonly #listeners = new Set<() => void>();
  #version = 0;
  #pending = false;
  readonly #schedule: FrameScheduler;

  constructor(schedule: FrameScheduler) {
    this.#schedule = schedule;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  readonly getSnapshot = (): number => this.#version;

  touch(): void {
    if (!this.#pending) {
      this.#pending = true;
      this.#schedule(() => {
        this.#pending = false;
        this.#version++;
        for (const listener of [...this.#listeners]) {
          listener();
        }
      });
    }
  }
}

/*  At once after quiet, then at most every ms. */
export function every(clock: Clock, ms: number, frame: FrameScheduler): FrameScheduler {
  let last = Number.NEGATIVE_INFINITY;
  return (fn) => {
    const run = (): void => {
      last = clock.now();
      fn();
    };
    const wait = last + ms - clock.now();
    if (wait <= 0) {
      frame(run);
    } else {
      clock.setTimeout(() => frame(run), wait);
    }
  };
}
