/*  gateway/dashboard/src/page/SortBar.tsx - the head of the tools table: by what it is sorted

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import type { Order } from "../core/sorted.ts";

type Sorting = { by: Order; backwards: boolean } | undefined;

interface SortBarProps {
  order: Sorting;
  onOrder(order: Sorting): void;
}

const HEADS: [Order | "", string, string][] = [
  ["time", "Started", "h-time"],
  ["tool", "Tool", "h-word"],
  ["", "Target", "h-text"],
  ["", "Size", "h-size"],
  ["duration", "Duration", "h-bar"],
  ["status", "Status", "h-badge"],
];

/*  Once, backwards, and then as it comes: by time, following. */
function next(order: Sorting, by: Order): Sorting {
  if (order?.by !== by) {
    return { by, backwards: false };
  }
  return order.backwards ? undefined : { by, backwards: true };
}

export function SortBar({ order, onOrder }: SortBarProps) {
  return (
    <div class="sort-bar">
      {HEADS.map(([by, name, where]) =>
        by === "" ? (
          <span key={name} class={where}>
            {name}
          </span>
        ) : (
          <button
            type="button"
            key={name}
            class={where}
            aria-pressed={order?.by === by}
            title={`Sort by ${name.toLowerCase()}`}
            onClick={() => onOrder(next(order, by))}
          >
            {name}
            {order?.by === by ? <span aria-hidden="true">{order.backwards ? " ↑" : " ↓"}</span> : null}
          </button>
        ),
      )}
    </div>
  );
}
