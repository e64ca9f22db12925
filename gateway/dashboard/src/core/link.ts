/*  gateway/dashboard/src/core/link.ts - one WebSocket that stays connected

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A link opens, watches the handshake (10 s), notices silence (the gateway says
    something every 10 s), and comes back after a drop: 0.5 s doubling to 15 s
    with full jitter, at once when kicked (focus, online, tab visible). It knows
    nothing of subscriptions: onOpen is called after every successful open, and
    whoever listens subscribes there.
*/
import type { Clock, SocketFactory, SocketLike, TimerId } from "./env.ts";

export const HANDSHAKE_MS = 10_000;
export const SILENCE_MS = 25_000;
export const PROBE_MS = 4_000;
const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 15_000;

export type LinkPhase = "idle" | "connecting" | "open" | "waiting" | "stopped";

export interface LinkState {
  phase: LinkPhase;
  attempt: number /* tries since the gateway last said something */;
  since: number /* clock.now () of the phase's start */;
  retryAt: number /* waiting: when the next try is */;
  code: number /* of the last close; 0 none */;
  reason: string;
}

export interface LinkOptions {
  clock: Clock;
  openSocket: SocketFactory;
  url: string;
  onOpen(link: Link): void;
  onMessage(text: string): void;
  onState(state: LinkState): void;
}

/*  Codes after which coming back makes no sense (SPEC section 8). */
export const isFinal = (code: number): boolean => code >= 4500 && code <= 4999;

export class Link {
  readonly #options: LinkOptions;
  #socket: SocketLike | undefined;
  #timer: TimerId | undefined;
  #watch: "silence" | "other" | "none" = "none"; /* what the timer is for */
  #state: LinkState;
  #heardAt = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#state = { phase: "idle", attempt: 0, since: options.clock.now(), retryAt: 0, code: 0, reason: "" };
  }

  get state(): LinkState {
    return this.#state;
  }

  start(): void {
    if (this.#state.phase === "idle" || this.#state.phase === "stopped") {
      this.#connect(1);
    }
  }

  stop(): void {
    this.#drop(1000);
    this.#enter("stopped", { attempt: 0 });
  }

  send(text: string): boolean {
    if (this.#state.phase !== "open" || !this.#socket) {
      return false;
    }
    this.#socket.send(text);
    return true;
  }

  /*  The reader is back, or the network is. A wait ends now; an open socket
      must prove itself, because after sleep it may be dead without knowing. */
  kick(): void {
    if (this.#state.phase === "waiting") {
      this.#connect(this.#state.attempt + 1);
    } else if (this.#state.phase === "open" && this.#options.clock.now() - this.#heardAt > 1000) {
      this.send('{"type":"ping"}');
      this.#arm(PROBE_MS, () => this.#lost(0, "no answer after the pause"));
    }
  }

  #connect(attempt: number): void {
    this.#drop();
    this.#enter("connecting", { attempt });
    let socket: SocketLike;
    try {
      socket = this.#options.openSocket(this.#options.url);
    } catch (error) {
      this.#lost(0, String(error));
      return;
    }
    this.#socket = socket;
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#heard(event.data);
    socket.onclose = (event) => this.#lost(event.code, event.reason);
    socket.onerror = null; /* a close event always follows */
    this.#arm(HANDSHAKE_MS, () => this.#lost(0, "no answer within 10 s"));
  }

  #opened(): void {
    this.#enter("open", {});
    this.#listen();
    this.#options.onOpen(this);
  }

  #heard(data: unknown): void {
    this.#listen();
    if (this.#state.attempt !== 0) {
      /* Only now: a gateway that accepts and closes at once must not be hammered. */
      this.#state = { ...this.#state, attempt: 0, code: 0, reason: "" };
    }
    if (typeof data === "string") {
      this.#options.onMessage(data);
    }
  }

  /*  One timer stands for many messages: it looks when the last one came. */
  #listen(): void {
    const first = this.#heardAt === 0;
    this.#heardAt = this.#options.clock.now();
    if (first || this.#watch !== "silence") {
      this.#watchSilence(SILENCE_MS);
    }
  }

  #watchSilence(ms: number): void {
    this.#arm(ms, () => {
      const left = this.#heardAt + SILENCE_MS - this.#options.clock.now();
      if (left > 0) {
        this.#watchSilence(left);
      } else {
        this.#lost(0, "silent for 25 s");
      }
    });
    this.#watch = "silence";
  }

  #lost(code: number, reason: string): void {
    this.#drop();
    if (isFinal(code)) {
      this.#enter("stopped", { code, reason });
      return;
    }
    const attempt = this.#state.attempt;
    const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.max(0, attempt - 1));
    const wait = Math.round(this.#options.clock.random() * ceiling);
    this.#enter("waiting", { attempt, code, reason, retryAt: this.#options.clock.now() + wait });
    this.#arm(wait, () => this.#connect(attempt + 1));
  }

  #drop(code?: number): void {
    this.#disarm();
    this.#heardAt = 0;
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close(code);
    }
  }

  #enter(phase: LinkPhase, change: Partial<LinkState>): void {
    this.#state = { ...this.#state, ...change, phase, since: this.#options.clock.now() };
    this.#options.onState(this.#state);
  }

  #arm(ms: number, fn: () => void): void {
    this.#disarm();
    this.#watch = "other";
    this.#timer = this.#options.clock.setTimeout(fn, ms);
  }

  #disarm(): void {
    this.#watch = "none";
    if (this.#timer !== undefined) {
      this.#options.clock.clearTimeout(this.#timer);
      this.#timer = undefined;
    }
  }
}
