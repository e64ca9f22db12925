/*  gateway/dashboard/src/text/ansi.ts - terminal colours as spans; every other escape is dropped

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { visible } from "./visible.ts";

export interface AnsiSpan {
  text: string;
  classes: string /* of style.css; empty: plain */;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escapes begin with one
const ESCAPE = /\u001b(?:\[([0-9;:?]*)[ -/]*([@-~])|[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\|$)|[ -/]*[0-~])/g;

interface Style {
  fg: string;
  bg: string;
  on: Set<string>;
}

const NAMES: Record<number, string> = { 1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "inverse", 9: "strike" };
const OFF: Record<number, string[]> = {
  22: ["bold", "dim"],
  23: ["italic"],
  24: ["underline"],
  27: ["inverse"],
  29: ["strike"],
};

/*  256 colours and true colours become the nearest of the 16: they must be readable on both themes. */
function nearest(r: number, g: number, b: number): number {
  const max = Math.max(r, g, b);
  const bit = (value: number): number => (value > max / 2 && value > 60 ? 1 : 0);
  return bit(r) + bit(g) * 2 + bit(b) * 4 + (max > 190 ? 8 : 0);
}

function palette(index: number): number {
  if (index < 16) {
    return index;
  }
  if (index >= 232) {
    const grey = (index - 232) * 10 + 8;
    return nearest(grey, grey, grey);
  }
  const level = (value: number): number => (value ? value * 40 + 55 : 0);
  const cube = index - 16;
  return nearest(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6));
}

/*  38;5;N or 38;2;R;G;B from at on: the colour, and how many numbers it took. */
function extended(codes: number[], at: number): [number, number] {
  if (codes[at + 1] === 5) {
    return [palette((codes[at + 2] ?? 7) & 255), 2];
  }
  return codes[at + 1] === 2 ? [nearest(codes[at + 2] ?? 0, codes[at + 3] ?? 0, codes[at + 4] ?? 0), 4] : [7, 0];
}

function apply(style: Style, codes: number[]): void {
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] as number;
    if (code === 0) {
      style.fg = style.bg = "";
      style.on.clear();
    } else if (code === 38 || code === 48) {
      const [colour, used] = extended(codes, i);
      style[code === 38 ? "fg" : "bg"] = String(colour);
      i += used;
    } else if (code === 39 || code === 49) {
      style[code === 39 ? "fg" : "bg"] = "";
    } else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) {
      style.fg = String(code >= 90 ? code - 82 : code - 30);
    } else if ((code >= 40 && code <= 47) || (code >= 100 && code <= 107)) {
      style.bg = String(code >= 100 ? code - 92 : code - 40);
    } else if (NAMES[code]) {
      style.on.add(NAMES[code]);
    } else {
      for (const name of OFF[code] ?? []) {
        style.on.delete(name);
      }
    }
  }
}

function classes(style: Style): string {
  const names = [...style.on].map((name) => `a-${name}`);
  if (style.fg) {
    names.push(`a-f${style.fg}`);
  }
  if (style.bg) {
    names.push(`a-b${style.bg}`);
  }
  return names.join(" ");
}

/*  A carriage return goes back to the line's start: progress bars show their last state. */
function lastStates(text: string): string {
  return text.includes("\r")
    ? text
        .replace(/\r\n/g, "\n")
        .replace(/[^\n]*\r(?=[^\n])/g, "")
        .replace(/\r/g, "")
    : text;
}

export function ansiSpans(input: string): AnsiSpan[] {
  const text = lastStates(input);
  const style: Style = { fg: "", bg: "", on: new Set() };
  const spans: AnsiSpan[] = [];
  const push = (part: string): void => {
    if (part !== "") {
      spans.push({ text: visible(part), classes: classes(style) });
    }
  };
  let from = 0;
  for (const match of text.matchAll(ESCAPE)) {
    push(text.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[2] === "m") {
      apply(
        style,
        (match[1] ?? "").split(/[;:]/).map((code) => Number(code) || 0),
      );
    }
  }
  push(text.slice(from));
  return spans;
}

export const stripAnsi = (text: string): string => (text.includes("\u001b") ? text.replace(ESCAPE, "") : text);
