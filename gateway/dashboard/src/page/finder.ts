/*  gateway/dashboard/src/page/finder.ts - looks through one run: at once in what the page holds, then in all of it

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import type { AgentGateEvent } from "../core/events.gen.ts";
import { jsonText } from "../core/protocol.ts";
import { Row } from "../core/rows.ts";
import type { Run } from "../core/run.ts";

const SLICE_MS = 4;
const TYPING_MS = 150; /* of quiet before the page is searched */
const ASK_MS = 300; /* and before the gateway is */
const REPORT_MS = 250;
const MATCHES_MAX = 50_000;

const PAGE = 1000;
const REGEX_CHARS = 64 * 1024; /* of one event; a pattern may be slow */

type Matcher = (text: string) => boolean;

/*  Undefined: not a regular expression. Case makes no difference. */
export function matcher(query: string, regex: boolean): Matcher | undefined {
  if (!regex) {
    const wanted = query.toLowerCase();
    return (text) => text.toLowerCase().includes(wanted);
  }
  try {
    const pattern = new RegExp(query, "i");
    return (text) => pattern.test(text.slice(0, REGEX_CHARS));
  } catch {
    return undefined;
  }
}

/*  Where text of an event is looked for. */
function haystack(event: AgentGateEvent): string {
  switch (event.type) {
    case "agent_tool_call":
      return `${event.toolName} ${event.path ?? ""} ${jsonText(event.input)}`;
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
function rowFor(run: Run, seq: number): number {
  return run.log.kind(seq) === Row.RESULT && run.log.partner(seq) ? run.log.partner(seq) : seq;
}

export class Finder {
  readonly found = new Set<number>();
  #next = 1;
  #begun = false; /* whoever is still typing is not searched for */
  #stopped = false;
  #reporting = false;
  readonly #timers: ReturnType<typeof setTimeout>[];
  readonly #abort = new AbortController();
  problem = "";
  #asked = false; /* all of what is not here has been looked through */
  #scanned = false; /* and all that is */
  readonly #run: Run;
  readonly #matches: Matcher;
  readonly #report: () => void;

  constructor(run: Run, query: string, regex: boolean, matches: Matcher, report: () => void) {
    this.#run = run;
    this.#matches = matches;
    this.#report = report;
    const ask = regex ? () => this.#readAll() : () => this.#ask(query);
    this.#timers = [setTimeout(() => this.#slice(), TYPING_MS), setTimeout(() => void this.#rest(ask), ASK_MS)];
  }

  get searching(): boolean {
    return !this.#asked || !this.#scanned;
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
    if (this.#begun && this.#next <= this.#run.log.last && !this.#stopped) {
      this.#slice();
    }
  }

  #slice(): void {
    const { log } = this.#run;
    this.#begun = true;
    const until = performance.now() + SLICE_MS;
    const before = this.found.size;
    for (; this.#next <= log.last; this.#next++) {
      const event = log.bodies.get(this.#next);
      if (event && this.#matches(haystack(event))) {
        this.#add(this.#next);
      }
      if (this.#next % 64 === 0 && performance.now() > until) {
        setTimeout(() => this.more(), 0);
        break;
      }
    }
    const scanned = this.#next > log.last;
    if (this.found.size !== before || scanned !== this.#scanned) {
      this.#scanned ||= scanned;
      this.#soon();
    }
  }

  #add(seq: number): void {
    if (this.found.size < MATCHES_MAX) {
      this.found.add(rowFor(this.#run, seq));
    }
  }

  async #rest(ask: () => Promise<void>): Promise<void> {
    try {
      await ask();
    } catch (error) {
      this.problem = this.#stopped ? "" : `only what is loaded was searched: ${(error as Error).message}`;
    }
    this.#asked = true;
    this.#soon();
  }

  /*  The gateway looks at the events' JSON; what is here is looked at here, where only what people see counts. */
  #ask(query: string): Promise<void> {
    const { log } = this.#run;
    const take = (seqs: number[]): void => {
      for (const seq of seqs) {
        const event = log.bodies.get(seq);
        if (!event || this.#matches(haystack(event))) {
          this.#add(seq);
        }
      }
      this.#soon();
    };
    return this.#run.search(jsonText(query).slice(1, -1), take, this.#abort.signal);
  }

  /*  A pattern is no text that the gateway could look for: whatever is not here is read. */
  async #readAll(): Promise<void> {
    const { log } = this.#run;
    for (let seq = 1; seq <= log.last && !this.#stopped; ) {
      if (log.bodies.get(seq) || log.kind(seq) <= Row.PARTIAL) {
        seq++;
        continue;
      }
      const page = await this.#run.page(seq - 1, PAGE, this.#abort.signal);
      for (const event of page.events.filter((one) => this.#matches(haystack(one)))) {
        this.#add(event.seq);
      }
      this.#soon();
      const last = page.events[page.events.length - 1]?.seq ?? seq;
      seq = Math.max(seq, last) + 1;
    }
  }
}
