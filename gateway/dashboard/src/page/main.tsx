/*  gateway/dashboard/src/page/main.tsx - starts the page

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { render } from "preact";
import { App } from "./App.tsx";
import { views } from "./parts.tsx";
import { applyWidths } from "./prefs.ts";
import { applyTheme } from "./theme.ts";

const IDLE_MS = 2000;

applyTheme();
applyWidths();
render(<App />, document.getElementById("app") as HTMLElement);

/*  The run is shown; now what will be wanted next. */
const soon = window.requestIdleCallback ?? ((fn: () => void) => setTimeout(fn, 200));
soon(() => void views.load(), { timeout: IDLE_MS });
