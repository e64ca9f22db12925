/*  gateway/dashboard/src/page/toolrow.ts - a row of the Tools tab: when, tool, target, size, status

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import type { RunStream } from "../core/runstream.ts";
import { compact } from "../text/format.ts";
import { bindRow, type RowContext } from "./rownode.ts";

function size(stream: RunStream, seq: number): string {
  const result = stream.log.partner(seq);
  const event = result ? stream.log.bodies.get(result) : undefined;
  return event?.type === "agent_tool_result" && event.contentLength > 0 ? `${compact(event.contentLength)} chars` : "";
}

/*  The feed's row, with the size of the answer beside the duration. */
export function bindToolRow(node: HTMLElement, context: RowContext, seq: number): void {
  bindRow(node, context, seq);
  const badge = node.querySelector<HTMLElement>(".r-size") ?? addSize(node);
  const text = size(context.stream, seq);
  if (badge.textContent !== text) {
    badge.textContent = text;
  }
}

function addSize(node: HTMLElement): HTMLElement {
  const span = document.createElement("span");
  span.className = "r-size";
  node.insertBefore(span, node.lastChild);
  return span;
}
