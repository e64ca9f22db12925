/*  gateway/dashboard/src/page/browser.ts - what the core needs, from the browser

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { type Env, type FrameScheduler, type SocketLike, systemClock } from "../core/env.ts";

const HIDDEN_MS = 1000;
const TOKEN_KEY = "agentgate.token";
const SUBPROTOCOL = "agentgate.v1.json";

/*  Storage may be forbidden; then nothing is remembered. */
export function remember(key: string, value: string | null, store: "local" | "session" = "local"): void {
  try {
    const storage = store === "local" ? localStorage : sessionStorage;
    if (value === null) {
      storage.removeItem(key);
    } else {
      storage.setItem(key, value);
    }
  } catch {
    /* as said */
  }
}

export function recall(key: string, store: "local" | "session" = "local"): string {
  try {
    return (store === "local" ? localStorage : sessionStorage).getItem(key) ?? "";
  } catch {
    return "";
  }
}

export const token = (): string => recall(TOKEN_KEY, "session");
export const setToken = (value: string): void => remember(TOKEN_KEY, value || null, "session");

let due: (() => void)[] = [];

function flush(): void {
  const now = due;
  due = [];
  for (const fn of now) {
    fn();
  }
}

/*  A hidden tab gets no animation frames, so there a timer takes their place:
    counts and title stay true, and nothing piles up. */
function ask(): void {
  if (document.hidden) {
    setTimeout(flush, HIDDEN_MS);
  } else {
    requestAnimationFrame(flush);
  }
}

const frame: FrameScheduler = (fn) => {
  due.push(fn);
  if (due.length === 1) {
    ask();
  }
};

/*  What was asked of the one is now up to the other; shown again, it is painted at once. */
document.addEventListener("visibilitychange", () => {
  if (due.length > 0) {
    document.hidden ? ask() : flush();
  }
});

/*  The token never goes into a URL: over HTTP it is a header, over WebSocket a subprotocol. */
function openSocket(url: string): SocketLike {
  const secret = token();
  const protocols = secret ? [SUBPROTOCOL, `agentgate.token.${secret}`] : [SUBPROTOCOL];
  return new WebSocket(url, protocols) as unknown as SocketLike;
}

function authorized(path: string, init: { method?: string; signal?: AbortSignal } = {}): Promise<Response> {
  const secret = token();
  const headers: Record<string, string> = secret ? { authorization: `Bearer ${secret}` } : {};
  return fetch(path, { ...init, headers, credentials: "same-origin" });
}

export const env: Env = { clock: systemClock, openSocket, frame, fetch: authorized };

export function wsUrl(): string {
  const url = new URL("ws", location.href.replace(/[?#].*$/, ""));
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

/*  The reader is back, or the network is. */
export function onReturn(fn: () => void): () => void {
  const shown = (): void => {
    if (!document.hidden) {
      fn();
    }
  };
  addEventListener("focus", fn);
  addEventListener("online", fn);
  document.addEventListener("visibilitychange", shown);
  return () => {
    removeEventListener("focus", fn);
    removeEventListener("online", fn);
    document.removeEventListener("visibilitychange", shown);
  };
}
