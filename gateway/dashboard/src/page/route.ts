/*  gateway/dashboard/src/page/route.ts - the address: #/runs/ID?tab=tools&seq=123

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { useEffect, useState } from "react";

export const TABS = ["activity", "tools", "output", "files", "errors"] as const;
export type Tab = (typeof TABS)[number];

export interface Route {
  runId: string;
  tab: Tab;
  seq: number /* 0: none */;
  file: string;
}

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#/, "").split("?", 2);
  const match = /^\/runs\/([^/]+)$/.exec(path);
  const params = new URLSearchParams(query);
  const tab = params.get("tab") as Tab;
  const seq = Number(params.get("seq"));
  return {
    runId: match?.[1] ? decode(match[1]) : "",
    tab: TABS.includes(tab) ? tab : "activity",
    seq: Number.isSafeInteger(seq) && seq > 0 ? seq : 0,
    file: params.get("file") ?? "",
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function formatRoute(route: Route): string {
  if (!route.runId) {
    return "#/";
  }
  const params = new URLSearchParams();
  if (route.tab !== "activity") {
    params.set("tab", route.tab);
  }
  if (route.seq) {
    params.set("seq", String(route.seq));
  }
  if (route.file) {
    params.set("file", route.file);
  }
  const query = params.toString();
  return `#/runs/${encodeURIComponent(route.runId)}${query ? `?${query}` : ""}`;
}

export type Go = (change: Partial<Route>) => void;

/*  Another run or tab is a step in the history, another event is not. */
export function useRoute(): [Route, Go] {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const changed = (): void => setRoute(parseRoute(location.hash));
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  const go: Go = (change) => {
    const now = parseRoute(location.hash);
    const next = { ...now, ...change };
    const step = next.runId !== now.runId || next.tab !== now.tab;
    history[step ? "pushState" : "replaceState"](null, "", formatRoute(next));
    setRoute(next);
  };
  return [route, go];
}
