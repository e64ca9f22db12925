/*  gateway/dashboard/src/page/Splitter.tsx - the line between two columns: dragged, or moved by arrow keys; remembered

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { useState } from "react";
import { applyWidths, prefs, setPrefs } from "./prefs.ts";

const STEP = 16; /* px of an arrow key */

interface SplitterProps {
  which: "rail" | "drawer";
  label: string;
  min: number;
  max: number;
  usual: number;
  back?: boolean /* the column lies to the right of the line */;
}

export function Splitter({ which, label, min, max, usual, back = false }: SplitterProps) {
  const [held, setHeld] = useState<{ x: number; px: number }>();
  const now = prefs()[which] || usual;
  const put = (px: number): void => {
    setPrefs({ [which]: Math.round(Math.max(min, Math.min(max, px))) });
    applyWidths();
  };
  const key = (event: KeyboardEvent): void => {
    const by = event.key === "ArrowRight" ? STEP : event.key === "ArrowLeft" ? -STEP : 0;
    if (by) {
      event.preventDefault();
      put(now + (back ? -by : by));
    }
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a rule that is moved is no hr
    <div
      class={`splitter${held ? " held" : ""}`}
      role="separator"
      aria-orientation="vertical"
      aria-label={label}
      aria-valuenow={now}
      aria-valuemin={min}
      aria-valuemax={max}
      tabIndex={0}
      title="Drag to resize; double-click for the usual width"
      onKeyDown={key}
      onDblClick={() => {
        setPrefs({ [which]: 0 });
        applyWidths();
      }}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setHeld({ x: event.clientX, px: event.currentTarget.parentElement?.offsetWidth || now });
      }}
      onPointerMove={(event) => held && put(held.px + (event.clientX - held.x) * (back ? -1 : 1))}
      onPointerUp={() => setHeld(undefined)}
      onPointerCancel={() => setHeld(undefined)}
    />
  );
}
