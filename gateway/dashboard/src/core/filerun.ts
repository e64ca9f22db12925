/*  gateway/dashboard/src/core/filerun.ts - a run out of a file: JSON Lines, as the gateway exports them

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The file is read once from end to end; after that only where each event
    stands in it is remembered, and bodies are read again when they are seen.
*/
import type { EventPage } from "./api.ts";
import { PAGE_EVENTS } from "./bodies.ts";
import type { Env } from "./env.ts";
import type { AgentGateEvent } from "./events.gen.ts";
import { asEvent, jsonText, streamOf } from "./protocol.ts";
import { Run } from "./run.ts";
import { GONE } from "./runlog.ts";
import { endedStatus, type Status, say } from "./status.ts";

const SLICE_BYTES = 1 << 20;
const PAGE_BYTES = 4 << 20;
const NEWLINE = 10;

interface Line {
  at: number;
  bytes: number;
  event: AgentGateEvent | undefined;
}

function parse(text: string): AgentGateEvent | undefined {
  try {
    return asEvent(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/*  The lines of a slice of the file, without the one that it cuts off. */
async function lines(blob: Blob, from: number, to: number): Promise<{ lines: Line[]; end: number }> {
  const bytes = new Uint8Array(await blob.slice(from, to).arrayBuffer());
  const found: Line[] = [];
  const decoder = new TextDecoder();
  let at = 0;
  for (let end = bytes.indexOf(NEWLINE); ; end = bytes.indexOf(NEWLINE, at)) {
    const stop = end < 0 ? bytes.length : end;
    if (end < 0 && from + bytes.length < blob.size) {
      break;
    }
    if (stop > at) {
      found.push({ at: from + at, bytes: stop - at, event: parse(decoder.decode(bytes.subarray(at, stop))) });
    }
    at = stop + 1;
    if (at >= bytes.length) {
      break;
    }
  }
  return { lines: found, end: Math.min(blob.size, from + at) };
}

export class FileRun extends Run {
  readonly name: string;
  strange = 0; /* lines that are no event of this run */
  problem = "";
  readonly #blob: Blob;
  #read = 0; /* bytes */
  #at: number[] = []; /* by seq: where its line begins */
  #bytes: number[] = [];
  readonly #wanted = new Set<number>(); /* pages that are being read */
  #stopped = false;

  private constructor(env: Env, runId: string, blob: Blob, name: string) {
    super(env, runId);
    this.#blob = blob;
    this.name = name;
    this.known = true;
  }

  /*  Its first event says whose run it is. */
  static async open(env: Env, blob: Blob, name: string): Promise<FileRun> {
    for (let size = SLICE_BYTES; ; size *= 4) {
      const first = (await lines(blob, 0, size)).lines.find((line) => line.event)?.event;
      if (first) {
        return new FileRun(env, streamOf(first), blob, name);
      }
      if (size >= blob.size || size > 64 * SLICE_BYTES) {
        throw new Error("no line of it is an event: a run's download is what can be opened here");
      }
    }
  }

  async load(): Promise<void> {
    try {
      for (let size = SLICE_BYTES; this.#read < this.#blob.size && !this.#stopped; ) {
        const part = await lines(this.#blob, this.#read, this.#read + size);
        size = part.end === this.#read ? size * 2 : SLICE_BYTES; /* a line longer than the slice */
        this.#read = part.end;
        for (const line of part.lines) {
          this.#take(line);
        }
        this.touch();
      }
    } catch (error) {
      this.problem = (error as Error).message;
    }
    this.log.retag(1, this.log.last, GONE);
    this.openedAt = this.log.last;
    this.touch();
  }

  stop(): void {
    this.#stopped = true;
  }

  #take({ at, bytes, event }: Line): void {
    if (!event || streamOf(event) !== this.runId) {
      this.strange++;
    } else if (this.log.put(event, true)) {
      this.facts.fold(event);
      this.#at[event.seq] = at;
      this.#bytes[event.seq] = bytes;
    }
  }

  get status(): Status {
    if (this.problem) {
      return say("error", `The file cannot be read: ${this.problem}`);
    }
    const work = this.catchingUp;
    if (work) {
      return say("catching-up", "Reading the file", "", work);
    }
    return endedStatus(this) ?? say("quiet", "No end in this file");
  }

  get catchingUp(): { done: number; total: number } | undefined {
    return this.#read < this.#blob.size ? { done: this.#read, total: this.#blob.size } : undefined;
  }

  get nowMs(): number {
    return this.log.lastMs;
  }

  body(seq: number): AgentGateEvent | undefined {
    const found = this.log.bodies.get(seq);
    const page = Math.floor(seq / PAGE_EVENTS);
    if (!found && this.#at[seq] !== undefined && !this.#wanted.has(page) && !this.problem) {
      this.#wanted.add(page);
      const from = this.log.bodies.hasCold(page) ? seq : page * PAGE_EVENTS; /* a large page comes in parts */
      this.page(from - 1, (page + 1) * PAGE_EVENTS - from)
        .then(
          (answer) => this.log.bodies.putCold(page, answer.events),
          (error: Error) => {
            this.problem = error.message;
          },
        )
        .finally(() => {
          this.#wanted.delete(page);
          this.touch();
        });
    } else if (found) {
      this.log.bodies.touch(page);
    }
    return found;
  }

  async fullBody(seq: number): Promise<AgentGateEvent | undefined> {
    return (await this.page(seq - 1, 1)).events[0];
  }

  async page(after: number, limit: number): Promise<EventPage> {
    const seqs: number[] = [];
    let bytes = 0;
    let seq = Math.max(1, after + 1);
    for (; seq <= this.log.last && seqs.length < limit && bytes < PAGE_BYTES; seq++) {
      if (this.#at[seq] !== undefined) {
        seqs.push(seq);
        bytes += this.#bytes[seq] as number;
      }
    }
    if (seqs.length === 0) {
      return { events: [], next: null };
    }
    const from = Math.min(...seqs.map((one) => this.#at[one] as number));
    const to = Math.max(...seqs.map((one) => (this.#at[one] as number) + (this.#bytes[one] as number)));
    const wanted = new Set(seqs);
    const events = (await lines(this.#blob, from, to + 1)).lines
      .map((line) => line.event)
      .filter((one): one is AgentGateEvent => !!one && wanted.has(one.seq) && streamOf(one) === this.runId);
    return { events, next: seq <= this.log.last ? (seqs[seqs.length - 1] as number) : null };
  }

  async search(query: string, found: (seqs: number[]) => void, signal?: AbortSignal): Promise<void> {
    const wanted = query.toLowerCase();
    for (let after: number | null = 0; after !== null && !signal?.aborted; ) {
      const page: EventPage = await this.page(after, 1000);
      found(page.events.filter((one) => jsonText(one).toLowerCase().includes(wanted)).map((one) => one.seq));
      after = page.next;
    }
  }
}
