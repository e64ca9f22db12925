/*  gateway/dashboard/src/page/views.ts - what is loaded right after the first load: details, tabs, search, the timeline

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    The page itself is imported, so that all that is shared with it is one chunk,
    which packs better than one for each pair of parts.
*/
import "./App.tsx";

export { Announcer } from "./Announcer.tsx";
export { Drawer } from "./Drawer.tsx";
export { Files } from "./Files.tsx";
export { Finder, matcher } from "./finder.ts";
export { Help } from "./Help.tsx";
export { handleKey } from "./keys.ts";
export { Minimap } from "./Minimap.tsx";
export { Output } from "./Output.tsx";
export { SortBar } from "./SortBar.tsx";
export { Splitter } from "./Splitter.tsx";
export { Summary } from "./Summary.tsx";
export { saveRows, saveRun } from "./save.ts";
export { ViewMenu } from "./ViewMenu.tsx";
