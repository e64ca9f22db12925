/*  gateway/dashboard/src/page/search.ts - search in one run: at once in what the page holds, then in the gateway's whole history

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { useEffect, useRef, useState } from "react";
import type { AgentGateEvent } from "../core/events.gen.ts";
import { Row } from "../core/rows.ts";
import type { RunStream } from "../core/runstream.ts";

const SLICE_MS = 4;
const TYPING_MS = 150; /* of quiet before the page is searched */
const ASK_MS = 300; /* and before the gateway is */
const REPORT_MS = 250;
const MATCHES_MAX = 50_000;

export interface Search {
  matches: ReadonlySet<number> /* grows in place; another object with another search */;
  count: number;
  searching: boolean;
  problem: string;
}

/*  Where text of an event is looked for. */
function haystack(event: AgentGateEvent): string {
  switch (event.type) {
    case "agent_tool_call":
      return `${event.toolName} ${event.path ?? ""} ${JSON.stringify(event.input)}`;
    case "agent_tool_result":
      return `${event.content ?? event.contentPreview} ${event.error ?? ""}`;
    case "agent_output":
      return event.content;
    case "agent_error":
      return event.message;
    case "file_changed":
      return event.path;
    case "run_completed":
      return event.resultPreview ?? "";
    case "run_failed":
      return event.error;
    default:
      return "";
  }
}

/*  A match in a result is shown at its call, where the reader sees it. */
function rowFor(stream: RunStream, seq: number): number {
  return stream.log.kind(seq) === Row.RESULT && stream.log.partner(seq) ? stream.log.partner(seq) : seq;
}

class Finder {
  readonly found = new Set<number>();
  #next = 1;
  #stopped = false;
  #reporting = false;
  readonly #timers: ReturnType<typeof setTimeout>[];
  readonly #abort = new AbortController();
  searching = true;
  problem = "";
  readonly #stream: RunStream;
  readonly #query: string;
  readonly #report: () => void;

  constructor(stream: RunStream, query: string, report: () => void) {
    this.#stream = stream;
    this.#query = query.toLowerCase();
    this.#report = report;
    this.#timers = [setTimeout(() => this.#slice(), TYPING_MS), setTimeout(() => void this.#ask(query), ASK_MS)];
  }

  stop(): void {
    this.#stopped = true;
    this.#abort.abort();
    this.#timers.forEach(clearTimeout);
  }

  #soon(): void {
    if (!this.#reporting) {
      this.#reporting = true;
      setTimeout(
        () => {
          this.#reporting = false;
          if (!this.#stopped) {
            this.#report();
          }
        },
        this.searching ? REPORT_MS / 5 : REPORT_MS,
      );
    }
  }

  /*  Looks at what has come since, a few milliseconds at a time. */
  more(): void {
    if (this.#next > 1 && this.#next <= this.#stream.log.last && !this.#stopped) {
      this.#slice();
    }
  }

  #slice(): void {
    const { log } = this.#stream;
    const until = performance.now() + SLICE_MS;
    const before = this.found.size;
    for (; this.#next <= log.last; this.#next++) {
      const event = log.bodies.get(this.#next);
      if (event && haystack(event).toLowerCase().includes(this.#query)) {
        this.#add(this.#next);
      }
      if (this.#next % 64 === 0 && performance.now() > until) {
        setTimeout(() => this.more(), 0);
        break;
      }
    }
    if (this.found.size !== before) {
      this.#soon();
    }
  }

  #add(seq: number): void {
    if (this.found.size < MATCHES_MAX) {
      this.found.add(rowFor(this.#stream, seq));
    }
  }

  async #ask(query: string): Promise<void> {
    if (this.#stopped) {
      return;
    }
    const take = (seqs: number[]): void => {
      for (const seq of seqs) {
        this.#add(seq);
      }
      this.#soon();
    };
    try {
      await this.#stream.api.search(this.#stream.runId, query, take, this.#abort.signal);
    } catch (error) {
      this.problem = this.#stopped ? "" : `only what is loaded was searched: ${(error as Error).message}`;
    }
    this.searching = false;
    this.#soon();
  }
}

export function useSearch(stream: RunStream, query: string, version: number): Search | undefined {
  const [result, setResult] = useState<Search>();
  const finder = useRef<Finder>(undefined);
  useEffect(() => {
    if (query.length < 2) {
      setResult(undefined);
      return undefined;
    }
    const own: Finder = new Finder(stream, query, () =>
      setResult({
        matches: own.found,
        count: own.found.size,
        searching: own.searching,
        problem: own.problem,
      }),
    );
    finder.current = own;
    setResult({ matches: own.found, count: 0, searching: true, problem: "" });
    return () => {
      own.stop();
      finder.current = undefined;
    };
  }, [stream, query]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each version may bring new events
  useEffect(() => finder.current?.more(), [version]);
  return result;
}
