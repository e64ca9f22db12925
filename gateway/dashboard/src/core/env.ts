/*  gateway/dashboard/src/core/env.ts - what the core needs from the world, so that tests can replace it

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
export type TimerId = unknown;

export interface Clock {
  now(): number /* ms, monotonic */;
  wall(): number /* ms since 1970 */;
  setTimeout(fn: () => void, ms: number): TimerId;
  clearTimeout(id: TimerId): void;
  random(): number /* 0 <= x < 1 */;
}

export interface SocketLike {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: (() => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

export type SocketFactory = (url: string) => SocketLike;

/*  Calls fn once, before the next paint when the page is seen; about once a
    second when it is hidden, since a hidden tab gets no animation frames. */
export type FrameScheduler = (fn: () => void) => void;

export interface Env {
  clock: Clock;
  openSocket: SocketFactory;
  frame: FrameScheduler;
  fetch(path: string, init?: { method?: string; signal?: AbortSignal }): Promise<Response>;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  setTimeout: (fn, ms) => setTimeout(fn, ms),
  clearTimeout: (id) => clearTimeout(id as ReturnType<typeof setTimeout>),
  random: () => Math.random(),
};
