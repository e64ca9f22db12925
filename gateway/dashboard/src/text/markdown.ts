/*  gateway/dashboard/src/text/markdown.ts - markdown as a tree; the page makes elements of it

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    A subset: headings, paragraphs, lists, quotes, fences, tables, rules; code,
    bold, italic, strike, links in lines. Raw HTML stays text, images become links,
    links are http, https or mailto, else text. Linear in its input.
*/
import { visible } from "./visible.ts";

export type Inline =
  | { type: "text"; text: string }
  | { type: "code"; text: string }
  | { type: "strong" | "em" | "del"; children: Inline[] }
  | { type: "link"; href: string; children: Inline[] };

export type Block =
  | { type: "paragraph"; children: Inline[] }
  | { type: "heading"; level: number; children: Inline[] }
  | { type: "code"; language: string; text: string }
  | { type: "quote"; children: Block[] }
  | { type: "list"; ordered: boolean; start: number; items: { children: Block[]; checked: boolean | undefined }[] }
  | { type: "table"; head: Inline[][]; rows: Inline[][][] }
  | { type: "rule" };

const DEPTH_MAX = 8;
const INLINE_MAX = 10_000; /* characters of one paragraph that are looked at for marks */

/*  Only what a reader may safely open. */
export function safeHref(href: string): string | undefined {
  const text = href.trim();
  return /^(https?:\/\/|mailto:)[^\s<>"]+$/i.test(text) ? text : undefined;
}

const INLINE =
  /(`+)([^`]|[^`][\s\S]{0,2000}?[^`])\1(?!`)|!?\[([^[\]]{0,400})\]\(([^()\s]{1,2000})(?:\s+"[^"]{0,200}")?\)|(https?:\/\/[^\s<>()"'`\]]+[^\s<>()"'`\].,;:!?])|\*\*([^\s*](?:[^*]{0,2000}[^\s*])?)\*\*|~~([^\s~](?:[^~]{0,2000}[^\s~])?)~~|(?<![\w*])\*([^\s*](?:[^*]{0,2000}[^\s*])?)\*(?![\w*])|(?<!\w)_([^\s_](?:[^_]{0,2000}[^\s_])?)_(?!\w)/g;

function linkNode(label: string, href: string, depth: number): Inline {
  const safe = safeHref(href);
  const children = inline(label || href, depth + 1);
  return safe ? { type: "link", href: safe, children } : { type: "text", text: visible(`${label} (${href})`) };
}

function inlineMatch(match: RegExpMatchArray, depth: number): Inline {
  const [whole, , code, label, href, bare, strong, del, star, under] = match;
  if (code !== undefined) {
    return { type: "code", text: visible(code) };
  }
  if (href !== undefined) {
    return linkNode(label ?? "", href, depth);
  }
  if (bare !== undefined) {
    return { type: "link", href: bare, children: [{ type: "text", text: visible(bare) }] };
  }
  if (strong !== undefined) {
    return { type: "strong", children: inline(strong, depth + 1) };
  }
  if (del !== undefined) {
    return { type: "del", children: inline(del, depth + 1) };
  }
  const em = star ?? under;
  return em === undefined ? { type: "text", text: visible(whole) } : { type: "em", children: inline(em, depth + 1) };
}

export function inline(source: string, depth = 0): Inline[] {
  if (depth > DEPTH_MAX || source.length > INLINE_MAX) {
    return [{ type: "text", text: visible(source) }];
  }
  const found: Inline[] = [];
  let from = 0;
  for (const match of source.matchAll(INLINE)) {
    if (match.index > from) {
      found.push({ type: "text", text: visible(source.slice(from, match.index)) });
    }
    found.push(inlineMatch(match, depth));
    from = match.index + match[0].length;
  }
  if (from < source.length) {
    found.push({ type: "text", text: visible(source.slice(from)) });
  }
  return found;
}

const FENCE = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})\s*(.*)$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}([-*_])\s*(?:\1\s*){2,}$/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])(\s+)(\[[ xX]\]\s+)?(.*)$/;
const QUOTE = /^ {0,3}> ?(.*)$/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;

class Reader {
  readonly lines: string[];
  at = 0;
  constructor(lines: string[]) {
    this.lines = lines;
  }
  get line(): string | undefined {
    return this.lines[this.at];
  }
  takeWhile(accept: (line: string) => boolean): string[] {
    const from = this.at;
    while (this.line !== undefined && accept(this.line)) {
      this.at++;
    }
    return this.lines.slice(from, this.at);
  }
}

function fence(reader: Reader, match: RegExpExecArray): Block {
  const mark = match[1] as string;
  reader.at++;
  const body = reader.takeWhile((line) => !(line.trim().startsWith(mark) && /^[`~]+\s*$/.test(line.trim())));
  reader.at++;
  return { type: "code", language: match[2] ?? "", text: visible(body.join("\n")) };
}

const cells = (line: string): Inline[][] =>
  line
    .trim()
    .replace(/^\||\|$/g, "")
    .split("|")
    .slice(0, 50)
    .map((cell) => inline(cell.trim()));

function tableBlock(reader: Reader): Block {
  const head = cells(reader.line ?? "");
  reader.at += 2;
  const rows = reader.takeWhile((line) => line.includes("|") && line.trim() !== "").map(cells);
  return { type: "table", head, rows };
}

function listBlock(reader: Reader, depth: number): Block {
  const first = ITEM.exec(reader.line ?? "") as RegExpExecArray;
  const indent = (first[1] ?? "").length;
  const ordered = /\d/.test(first[2] ?? "");
  const items: { children: Block[]; checked: boolean | undefined }[] = [];
  for (let match = ITEM.exec(reader.line ?? ""); match; match = ITEM.exec(reader.line ?? "")) {
    if ((match[1] ?? "").length !== indent || /\d/.test(match[2] ?? "") !== ordered) {
      break;
    }
    reader.at++;
    const own = reader.takeWhile((line) => line.trim() !== "" && (/^\s*/.exec(line)?.[0].length ?? 0) > indent);
    const inner = own.map((line) => line.slice(Math.min(indent + 2, /^\s*/.exec(line)?.[0].length ?? 0)));
    const box = match[4]?.trim();
    items.push({
      children: blocks([match[5] ?? "", ...inner], depth + 1),
      checked: box === undefined ? undefined : box !== "[ ]",
    });
    const next = reader.lines[reader.at + 1];
    if (reader.line?.trim() === "" && next !== undefined && ITEM.test(next)) {
      reader.at++;
    }
  }
  return { type: "list", ordered, start: Number.parseInt(first[2] ?? "1", 10) || 1, items };
}

function paragraph(reader: Reader): Block {
  const from = reader.at++;
  reader.takeWhile(
    (line) => line.trim() !== "" && !FENCE.test(line) && !HEADING.test(line) && !QUOTE.test(line) && !ITEM.test(line),
  );
  return { type: "paragraph", children: inline(reader.lines.slice(from, reader.at).join("\n")) };
}

function block(reader: Reader, depth: number): Block {
  const line = reader.line ?? "";
  const fenced = FENCE.exec(line);
  if (fenced) {
    return fence(reader, fenced);
  }
  const heading = HEADING.exec(line);
  if (heading) {
    reader.at++;
    return { type: "heading", level: (heading[1] ?? "#").length, children: inline(heading[2] ?? "") };
  }
  if (RULE.test(line)) {
    reader.at++;
    return { type: "rule" };
  }
  if (depth < DEPTH_MAX && QUOTE.test(line)) {
    const inner = reader.takeWhile((text) => QUOTE.test(text)).map((text) => QUOTE.exec(text)?.[1] ?? "");
    return { type: "quote", children: blocks(inner, depth + 1) };
  }
  if (depth < DEPTH_MAX && ITEM.test(line)) {
    return listBlock(reader, depth);
  }
  const below = reader.lines[reader.at + 1];
  if (line.includes("|") && below?.includes("-") && TABLE_RULE.test(below)) {
    return tableBlock(reader);
  }
  return paragraph(reader);
}

function blocks(lines: string[], depth: number): Block[] {
  const reader = new Reader(lines);
  const found: Block[] = [];
  while (reader.line !== undefined) {
    if (reader.line.trim() === "") {
      reader.at++;
    } else {
      found.push(block(reader, depth));
    }
  }
  return found;
}

export const markdown = (source: string): Block[] => blocks(source.replace(/\r\n?/g, "\n").split("\n"), 0);
