/*  gateway/dashboard/src/page/ViewMenu.tsx - how rows are shown: density, groups, kinds that are off at first

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { useEffect, useRef } from "react";
import type { Run } from "../core/run.ts";
import { compact } from "../text/format.ts";
import { CHIPS, chipCount } from "./chips.ts";
import { type Density, type Prefs, setPrefs, usePrefs } from "./prefs.ts";

const DENSITIES: [Density, string][] = [
  ["compact", "Compact"],
  ["normal", "Normal"],
  ["two", "Two lines"],
];

interface ViewMenuProps {
  run: Run;
  chips: boolean;
  on: ReadonlySet<string>;
  onChip(id: string, alone: boolean): void;
  onClose(): void;
  onSave(): void;
}

function Check({ name, children }: { name: "group" | "wrap" | "split" | "keys"; children: string }) {
  const now: Prefs = usePrefs();
  return (
    <label class="menu-row">
      <input type="checkbox" checked={now[name]} onChange={() => setPrefs({ [name]: !now[name] })} />
      {children}
    </label>
  );
}

export function ViewMenu({ run, chips, on, onChip, onClose, onSave }: ViewMenuProps) {
  const { density } = usePrefs();
  const menu = useRef<HTMLDivElement>(null);
  useEffect(() => {
    menu.current?.querySelector<HTMLElement>("input")?.focus();
    const away = (event: Event): void => {
      if (!(event.target as Element).closest(".menu, .menu-button")) {
        onClose();
      }
    };
    addEventListener("pointerdown", away);
    return () => removeEventListener("pointerdown", away);
  }, [onClose]);
  const key = (event: KeyboardEvent): void => {
    if (event.key === "Escape") {
      event.stopPropagation();
      onClose();
      document.querySelector<HTMLElement>(".menu-button")?.focus();
    }
  };
  const hidden = CHIPS.filter((chip) => !chip.on && chipCount(run.log, chip) > 0);
  return (
    <div class="menu" ref={menu} role="dialog" aria-label="View" onKeyDown={key}>
      <fieldset>
        <legend>Rows</legend>
        {DENSITIES.map(([value, name]) => (
          <label class="menu-row" key={value}>
            <input
              type="radio"
              name="density"
              checked={density === value}
              onChange={() => setPrefs({ density: value })}
            />
            {name}
          </label>
        ))}
      </fieldset>
      <fieldset>
        <legend>Feed</legend>
        <Check name="group">Group reads and searches</Check>
        {chips
          ? hidden.map((chip) => (
              <label class="menu-row" key={chip.id}>
                <input type="checkbox" checked={on.has(chip.id)} onChange={() => onChip(chip.id, false)} />
                {chip.label} <span class="count">{compact(chipCount(run.log, chip))}</span>
              </label>
            ))
          : null}
      </fieldset>
      <fieldset>
        <legend>Details</legend>
        <Check name="wrap">Wrap long lines</Check>
        <Check name="split">Diffs side by side</Check>
      </fieldset>
      <fieldset>
        <legend>Keyboard</legend>
        <Check name="keys">Single-key shortcuts</Check>
      </fieldset>
      <button type="button" class="menu-row" onClick={onSave}>
        Download the rows shown
      </button>
    </div>
  );
}
