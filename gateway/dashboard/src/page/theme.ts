/*  gateway/dashboard/src/page/theme.ts - light or dark: the system's, until the reader says otherwise

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { recall, remember } from "./browser.ts";

const KEY = "agentgate.theme";
export type Theme = "auto" | "light" | "dark";
const ORDER: Theme[] = ["auto", "light", "dark"];

export function theme(): Theme {
  const kept = recall(KEY) as Theme;
  return ORDER.includes(kept) ? kept : "auto";
}

export function applyTheme(): void {
  document.documentElement.dataset.theme = theme();
}

export function nextTheme(): Theme {
  const next = ORDER[(ORDER.indexOf(theme()) + 1) % ORDER.length] as Theme;
  remember(KEY, next === "auto" ? null : next);
  applyTheme();
  return next;
}
