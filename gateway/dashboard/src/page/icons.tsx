/*  gateway/dashboard/src/page/icons.tsx - 16 px line icons

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
const SVG = "http://www.w3.org/2000/svg";

/*  Paths on a 16 x 16 grid, drawn with a 1.5 px line. */
export const PATHS: Record<string, string> = {
  gap: "M3 8h2M7 8h2M11 8h2",
  dot: "M8 8h.01",
  flag: "M4 14V2.5M4 3h8l-2 3 2 3H4",
  text: "M3 4h10M3 8h10M3 12h6",
  think: "M6 12.5h4M6.5 14.5h3M8 1.5a4.5 4.5 0 0 0-2.5 8.2V11h5V9.7A4.5 4.5 0 0 0 8 1.5Z",
  raw: "M3 5h4M3 8h7M3 11h5",
  read: "M2 3.5c2-.8 4-.8 6 .7 2-1.5 4-1.5 6-.7v9c-2-.8-4-.8-6 .7-2-1.5-4-1.5-6-.7ZM8 4.2v9",
  edit: "M3 13l.7-3L11 2.7l2.3 2.3L6 12.3ZM9.5 4.2l2.3 2.3",
  bash: "M3 4l4 4-4 4M8.5 12H13",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM10.5 10.5L14 14",
  web: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM2 8h12M8 2c2 2 2.5 4 2.5 6S10 12 8 14c-2-2-2.5-4-2.5-6S6 4 8 2Z",
  tool: "M9.5 6.5a3 3 0 0 0 4-3.7L11.8 4.5 10.5 4.2 10.2 3 12 1.5a3 3 0 0 0-4 3.8L2.5 11l2.5 2.5Z",
  agent: "M8 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM3 14c.3-3 2-4.5 5-4.5s4.7 1.5 5 4.5",
  todo: "M2.5 4.5l1 1 2-2.5M2.5 11l1 1 2-2.5M8 4.5h6M8 11h6",
  result: "M13 3v5H4M7 5L4 8l3 3",
  error: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM6 6l4 4M10 6l-4 4",
  warn: "M8 2.5L14.5 13.5h-13ZM8 6.5v3.5M8 11.9v.01",
  file: "M4 1.5h5.5L12.5 4.5v10h-8.5ZM9.5 1.5v3h3",
  usage: "M3 13V9M6.5 13V5M10 13V7M13.5 13V3",
  progress: "M2 8h12M10 4l4 4-4 4",
  close: "M4 4l8 8M12 4l-8 8",
  down: "M8 3v9M4.5 8.5L8 12l3.5-3.5",
  menu: "M2.5 4h11M2.5 8h11M2.5 12h11",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
  moon: "M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7Z",
  auto: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 2v12M8 5h4.5M8 8h6M8 11h4.5",
  copy: "M5.5 5.5h8v8h-8ZM10.5 5.5v-3h-8v8h3",
  save: "M8 2v8M4.5 7L8 10.5 11.5 7M2.5 13.5h11",
  prev: "M10 3.5L5.5 8l4.5 4.5",
  next: "M6 3.5L10.5 8 6 12.5",
  stop: "M4 4h8v8H4Z",
  check: "M3 8.5l3.5 3.5L13 4.5",
  fold: "M4 6l4 4 4-4",
  unfold: "M6 4l4 4-4 4",
  play: "M5 3l8 5-8 5Z",
  replay: "M3 8a5 5 0 1 0 1.6-3.7M3 2.5v3h3",
  pin: "M10 2l4 4-3 1-2.5 2.5L8 13 3 8l3.5-.5L9 5ZM5.5 10.5L2 14",
  view: "M2 4.5h7M12 4.5h2M2 11.5h2M7 11.5h7M10.5 3v3M5.5 10v3",
  grid: "M2.5 2.5h4.5v4.5H2.5ZM9 2.5h4.5v4.5H9ZM2.5 9h4.5v4.5H2.5ZM9 9h4.5v4.5H9Z",
  regex: "M11 2.5v6M8.4 4l5.2 3M13.6 4L8.4 7M3 11h3v3H3Z",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  keys: "M1.5 4h13v8h-13ZM4 6.5h.01M6.5 6.5h.01M9 6.5h.01M11.5 6.5h.01M5 9.5h6",
  filter: "M2 3.5h12L9.5 9v4.5l-3-1.5V9Z",
};

/*  Always beside a word or in a button with a label of its own. */
export function Icon({ name }: { name: string }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name] ?? PATHS.dot} />
    </svg>
  );
}

/*  The same for rows that are made without a framework. */
export function iconNode(): { svg: SVGSVGElement; set(name: string): void } {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("class", "icon");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.append(path);
  let shown = "";
  const set = (name: string): void => {
    if (name !== shown) {
      shown = name;
      path.setAttribute("d", PATHS[name] ?? (PATHS.dot as string));
    }
  };
  return { svg, set };
}
