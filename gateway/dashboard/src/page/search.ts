/*  gateway/dashboard/src/page/search.ts - a search in one run, as a hook

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { useEffect, useRef, useState } from "react";
import type { Run } from "../core/run.ts";
import type { Finder } from "./finder.ts";
import { usePart, views } from "./parts.tsx";

export interface Search {
  matches: ReadonlySet<number> /* grows in place; another object with another search */;
  count: number;
  searching: boolean;
  problem: string;
  wrong: boolean /* the pattern is none */;
}

export function useSearch(run: Run, query: string, regex: boolean, version: number): Search | undefined {
  const [result, setResult] = useState<Search>();
  const finder = useRef<Finder>(undefined);
  const { generation } = run;
  const more = usePart(views, query !== "");
  // biome-ignore lint/correctness/useExhaustiveDependencies: another journal is searched anew
  useEffect(() => {
    if (query.length < 2 || !more) {
      setResult(undefined);
      return undefined;
    }
    const matches = more.matcher(query, regex);
    if (!matches) {
      setResult({ matches: new Set(), count: 0, searching: false, problem: "", wrong: true });
      return undefined;
    }
    const own: Finder = new more.Finder(run, query, regex, matches, () =>
      setResult({
        matches: own.found,
        count: own.found.size,
        searching: own.searching,
        problem: own.problem,
        wrong: false,
      }),
    );
    finder.current = own;
    setResult({ matches: own.found, count: 0, searching: true, problem: "", wrong: false });
    return () => {
      own.stop();
      finder.current = undefined;
    };
  }, [run, query, regex, generation, more]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each version may bring new events
  useEffect(() => finder.current?.more(), [version]);
  return result;
}
