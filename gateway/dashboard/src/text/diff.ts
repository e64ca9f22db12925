/*  gateway/dashboard/src/text/diff.ts - two texts as lines that stayed, went, came

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
export interface DiffLine {
  kind: " " | "+" | "-";
  text: string;
  before: number /* line number, 0 on the side where it is not */;
  after: number;
}

/*  Above this many cells the middle is shown as all out, all in. */
const CELLS_MAX = 1_000_000;

/*  Lengths of the longest common subsequences of the tails. */
function table(a: string[], b: string[]): Uint16Array[] {
  const rows = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    const row = rows[i] as Uint16Array;
    const below = rows[i + 1] as Uint16Array;
    for (let j = b.length - 1; j >= 0; j--) {
      row[j] = a[i] === b[j] ? (below[j + 1] as number) + 1 : Math.max(below[j] as number, row[j + 1] as number);
    }
  }
  return rows;
}

function middle(a: string[], b: string[]): DiffLine["kind"][] {
  if ((a.length + 1) * (b.length + 1) > CELLS_MAX) {
    return [...a.map(() => "-" as const), ...b.map(() => "+" as const)];
  }
  const rows = table(a, b);
  const kinds: DiffLine["kind"][] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      kinds.push(" ");
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && (rows[i + 1]?.[j] ?? 0) >= (rows[i]?.[j + 1] ?? 0))) {
      kinds.push("-");
      i++;
    } else {
      kinds.push("+");
      j++;
    }
  }
  return kinds;
}

export function diffLines(before: string, after: string): DiffLine[] {
  const a = before === "" ? [] : before.split("\n");
  const b = after === "" ? [] : after.split("\n");
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) {
    head++;
  }
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) {
    tail++;
  }
  const same = (count: number): DiffLine["kind"][] => new Array<" ">(count).fill(" ");
  const kinds = [
    ...same(head),
    ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...same(tail),
  ];
  let i = 0;
  let j = 0;
  return kinds.map((kind) => {
    const text = (kind === "+" ? b[j] : a[i]) ?? "";
    i += kind === "+" ? 0 : 1;
    j += kind === "-" ? 0 : 1;
    return { kind, text, before: kind === "+" ? 0 : i, after: kind === "-" ? 0 : j };
  });
}

/*  Only the changes with some lines around; a hole in between is undefined. */
export function hunks(lines: readonly DiffLine[], around = 3): (DiffLine | undefined)[] {
  const near = new Uint8Array(lines.length);
  lines.forEach((line, at) => {
    if (line.kind !== " ") {
      near.fill(1, Math.max(0, at - around), at + around + 1);
    }
  });
  const shown: (DiffLine | undefined)[] = [];
  lines.forEach((line, at) => {
    if (near[at]) {
      shown.push(line);
    } else if (at === 0 || near[at - 1]) {
      shown.push(undefined);
    }
  });
  return shown;
}

/*  Side by side: what went beside what came in its place; a hole stays one. */
export function sides(
  lines: readonly (DiffLine | undefined)[],
): ([DiffLine | undefined, DiffLine | undefined] | undefined)[] {
  const shown: ([DiffLine | undefined, DiffLine | undefined] | undefined)[] = [];
  let gone: DiffLine[] = [];
  let came: DiffLine[] = [];
  const flush = (): void => {
    for (let at = 0; at < Math.max(gone.length, came.length); at++) {
      shown.push([gone[at], came[at]]);
    }
    gone = [];
    came = [];
  };
  for (const line of lines) {
    if (line?.kind === "-") {
      if (came.length > 0) {
        flush();
      }
      gone.push(line);
    } else if (line?.kind === "+") {
      came.push(line);
    } else {
      flush();
      shown.push(line && [line, line]);
    }
  }
  flush();
  return shown;
}
