/*  gateway/dashboard/src/page/route.ts - the address: #/runs/ID?tab=tools&seq=123

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    What somebody else must see too stands in it: run, tab, event, file, search,
    filter. How somebody likes to see it (density, columns) does not.
*/
import { useCallback, useEffect, useState } from "react";

export const TABS = ["activity", "tools", "output", "files", "errors"] as const;
export type Tab = (typeof TABS)[number];

export interface Route {
  place: "run" | "grid" | "file";
  runId: string;
  runs: string[] /* grid */;
  tab: Tab;
  seq: number /* 0: none */;
  file: string;
  q: string;
  regex: boolean;
  only: boolean /* matches */;
  kinds: string /* ids of chips, comma separated; empty: the usual ones */;
}

const RUNS_MAX = 4;

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#/, "").split("?", 2);
  const match = /^\/runs\/([^/]+)$/.exec(path);
  const params = new URLSearchParams(query);
  const tab = params.get("tab") as Tab;
  const seq = Number(params.get("seq"));
  return {
    place: path === "/grid" ? "grid" : path === "/file" ? "file" : "run",
    runId: match?.[1] ? decode(match[1]) : "",
    runs: params.getAll("run").slice(0, RUNS_MAX),
    tab: TABS.includes(tab) ? tab : "activity",
    seq: Number.isSafeInteger(seq) && seq > 0 ? seq : 0,
    file: params.get("file") ?? "",
    q: params.get("q") ?? "",
    regex: params.has("regex"),
    only: params.has("only"),
    kinds: params.get("kinds") ?? "",
  };
}

export function formatRoute(route: Route): string {
  const params = new URLSearchParams();
  const put = (name: string, value: string | number | boolean): void => {
    if (value) {
      params.set(name, value === true ? "1" : String(value));
    }
  };
  if (route.place === "grid") {
    for (const run of route.runs) {
      params.append("run", run);
    }
    return `#/grid?${params}`;
  }
  put("tab", route.tab === "activity" ? "" : route.tab);
  put("seq", route.seq);
  put("file", route.file);
  put("q", route.q);
  put("regex", route.q !== "" && route.regex);
  put("only", route.q !== "" && route.only);
  put("kinds", route.kinds);
  const query = params.toString();
  const path = route.place === "file" ? "#/file" : route.runId ? `#/runs/${encodeURIComponent(route.runId)}` : "#/";
  return query ? `${path}?${query}` : path;
}

export type Go = (change: Partial<Route>) => void;

/*  Browsers refuse too many changes of the address in a short time, as when a
    key is held down: in between it may lag a little behind. */
const ADDRESS_MS = 100;
let wroteAt = 0;
let pending: ReturnType<typeof setTimeout> | undefined;

function write(route: Route, step: boolean): void {
  clearTimeout(pending);
  pending = undefined;
  const wait = wroteAt + ADDRESS_MS - performance.now();
  if (!step && wait > 0) {
    pending = setTimeout(() => write(route, false), wait);
    return;
  }
  wroteAt = performance.now();
  history[step ? "pushState" : "replaceState"](null, "", formatRoute(route));
}

let current = parseRoute(location.hash);

/*  Another run or tab is a step in the history, another event is not. */
export function useRoute(): [Route, Go] {
  const [route, setRoute] = useState(current);
  useEffect(() => {
    const changed = (): void => {
      clearTimeout(pending);
      current = parseRoute(location.hash);
      setRoute(current);
    };
    addEventListener("hashchange", changed);
    addEventListener("popstate", changed);
    return () => {
      removeEventListener("hashchange", changed);
      removeEventListener("popstate", changed);
    };
  }, []);
  const go = useCallback<Go>((change) => {
    const before = current;
    current = { ...before, ...change };
    write(current, current.runId !== before.runId || current.tab !== before.tab || current.place !== before.place);
    setRoute(current);
  }, []);
  return [route, go];
}

/*  The bare address becomes the newest run's, without a step back to nothing. */
export function settleOn(runId: string, go: Go): void {
  history.replaceState(null, "", formatRoute({ ...current, runId }));
  current = { ...current, runId };
  go({});
}
