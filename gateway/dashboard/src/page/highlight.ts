/*  gateway/dashboard/src/page/highlight.ts - marks what was searched for inside texts, without touching their elements

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The CSS Custom Highlight API; a browser without it marks the whole text only.
*/
import { useEffect } from "react";

const MARKS_MAX = 500;
const NAME = "search";

function ranges(root: Node, pattern: RegExp): Range[] {
  const found: Range[] = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node && found.length < MARKS_MAX; node = walker.nextNode()) {
    for (const match of (node.nodeValue ?? "").matchAll(pattern)) {
      if (match[0] === "" || found.length >= MARKS_MAX) {
        break;
      }
      const range = document.createRange();
      range.setStart(node, match.index);
      range.setEnd(node, match.index + match[0].length);
      found.push(range);
    }
  }
  return found;
}

/*  Undefined: not a pattern. */
function patternOf(query: string, regex: boolean): RegExp | undefined {
  try {
    return new RegExp(regex ? query : query.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"), "gi");
  } catch {
    return undefined;
  }
}

export function useHighlight(
  box: { current: HTMLElement | null },
  query: string,
  regex: boolean,
  version: number,
): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever there may be more text
  useEffect(() => {
    const pattern = query.length >= 2 ? patternOf(query, regex) : undefined;
    if (!("highlights" in CSS) || !box.current || !pattern) {
      return undefined;
    }
    CSS.highlights.set(NAME, new Highlight(...ranges(box.current, pattern)));
    return () => {
      CSS.highlights.delete(NAME);
    };
  }, [box, query, regex, version]);
}
