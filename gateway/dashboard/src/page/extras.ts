/*  gateway/dashboard/src/page/extras.ts - what is loaded when somebody wants it: replay, pinned runs, files, the meter

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import "./App.tsx"; /* as in views.ts */

export { Player } from "../core/player.ts";
export { FilePage } from "./FilePage.tsx";
export { Grid } from "./Grid.tsx";
export { Hud } from "./Hud.tsx";
export { ReplayBar } from "./ReplayBar.tsx";
