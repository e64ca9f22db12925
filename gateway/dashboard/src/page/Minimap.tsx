/*  gateway/dashboard/src/page/Minimap.tsx - the run by time, in one strip: what happened when, gaps, what is in sight

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Click or drag goes there; in a replay it is the scrubber. It is drawn anew at
    most as often as leaves twenty times the drawing's own time to others.
*/
import { useEffect, useRef } from "react";
import type { Run } from "../core/run.ts";
import { BANDS, Timeline } from "../core/timeline.ts";
import { clockTime } from "../text/format.ts";
import type { Sight } from "./Feed.tsx";

const SLICE_PX = [2, 4, 8]; /* wider where there is little to show */
const SLICES_EACH = 3; /* an event */
const SHARE = 20;
const DRAW_MS = 250;
const KEY_SHARE = 50; /* an arrow key moves by a fiftieth */
const COLOURS = ["--dim", "--blue", "--green", "--amber", "--cyan", "--red", "--orange"] as const; /* bands, gaps */

interface MinimapProps {
  base: Run /* all of it */;
  run: Run /* as it is shown: the base, or its replay */;
  sight: Sight | undefined;
  onSeek(seq: number): void;
}

const DARK = matchMedia("(prefers-color-scheme: dark)");

class Painter {
  readonly #canvas: HTMLCanvasElement;
  readonly #box: HTMLElement /* what is in sight */;
  readonly #head: HTMLElement /* where the replay stands */;
  line: Timeline | undefined;
  #px = 2; /* of a slice */
  readonly #places = new Map<HTMLElement, string>();
  #drawnAt = 0;
  #cost = 0;
  #key = "";
  #theme = "";
  #colours: string[] = [];

  constructor(canvas: HTMLCanvasElement, box: HTMLElement, head: HTMLElement) {
    this.#canvas = canvas;
    this.#box = box;
    this.#head = head;
  }

  draw(base: Run): void {
    const width = this.#canvas.clientWidth;
    const theme = `${document.documentElement.dataset.theme} ${DARK.matches}`;
    const now = performance.now();
    const key = `${base.generation} ${base.log.version} ${width} ${theme}`;
    const quiet = key === this.#key && (base.facts.ended || now - this.#drawnAt < 1000);
    if (width === 0 || quiet || now - this.#drawnAt < Math.max(DRAW_MS, this.#cost * SHARE)) {
      return;
    }
    this.#key = key;
    this.#drawnAt = now;
    const end = base.facts.ended ? base.log.lastMs : base.nowMs;
    const most = base.log.last * SLICES_EACH;
    this.#px = SLICE_PX.find((px) => width / px <= most) ?? 8;
    this.line = new Timeline(base.log, Math.max(1, Math.floor(width / this.#px)), end);
    if (theme !== this.#theme) {
      this.#theme = theme;
      this.#colours = COLOURS.map((name) => this.#colour(name));
    }
    this.#paint(this.line);
    this.#cost = performance.now() - now;
  }

  /*  As the theme has it now: a custom property would come as it is written. */
  #colour(name: string): string {
    this.#canvas.style.color = `var(${name})`;
    return getComputedStyle(this.#canvas).color;
  }

  #paint(line: Timeline): void {
    const scale = devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    this.#canvas.width = width * scale;
    this.#canvas.height = height * scale;
    const pen = this.#canvas.getContext("2d");
    if (!pen) {
      return;
    }
    pen.scale(scale, scale);
    const most = Math.log1p(line.most);
    for (let slice = 0; slice < line.slices; slice++) {
      this.#column(pen, line, slice, height, most);
    }
    pen.fillStyle = this.#colours[BANDS.length] ?? "";
    for (const { from, to } of line.gaps) {
      for (let x = from * this.#px; x <= to * this.#px + 2; x += 4) {
        pen.fillRect(x, 0, 2, height);
      }
    }
  }

  /*  Its height says how much, its colours of what; a failure is seen however much else there is. */
  #column(pen: CanvasRenderingContext2D, line: Timeline, slice: number, height: number, most: number): void {
    const counts = BANDS.map((_, band) => line.counts[slice * BANDS.length + band] ?? 0);
    const sum = counts.reduce((a, b) => a + b, 0);
    if (sum === 0) {
      return;
    }
    const full = Math.max(3, (Math.log1p(sum) / most) * height);
    let y = height;
    counts.forEach((count, band) => {
      if (count > 0) {
        const part = Math.max(band === BANDS.length - 1 ? 3 : 0, (count / sum) * full);
        pen.fillStyle = this.#colours[band] ?? "";
        pen.fillRect(slice * this.#px, y - part, this.#px - 0.5, part);
        y -= part;
      }
    });
  }

  /*  These move often: two elements, and only by whole pixels. */
  mark(run: Run, sight: Sight | undefined, replay: boolean): void {
    const { line } = this;
    const x = (ms: number): number => (line ? Math.round((line.sliceOf(ms) + 0.5) * this.#px) : 0);
    this.#move(this.#head, replay, x(run.nowMs), 2);
    const shown = line !== undefined && sight !== undefined && sight.first > 0;
    const from = shown ? x(run.log.timeMs(sight.first)) : 0;
    const to = shown ? x(run.log.timeMs(Math.max(sight.first, sight.last))) : 0;
    this.#move(this.#box, shown, from - 2, Math.max(4, to - from + 4));
  }

  #move(node: HTMLElement, shown: boolean, x: number, width: number): void {
    const place = shown ? `${x} ${width}` : "";
    if (this.#places.get(node) !== place) {
      this.#places.set(node, place);
      node.hidden = !shown;
      node.style.transform = `translateX(${x}px)`;
      node.style.width = `${width}px`;
    }
  }
}

export function Minimap({ base, run, sight, onSeek }: MinimapProps) {
  const strip = useRef<HTMLDivElement>(null);
  const painter = useRef<Painter>(undefined);
  const replay = run !== base;
  useEffect(() => {
    const [canvas, box, head] = strip.current?.children ?? [];
    painter.current = new Painter(canvas as HTMLCanvasElement, box as HTMLElement, head as HTMLElement);
  }, []);
  useEffect(() => {
    const draw = (): void => {
      painter.current?.draw(base);
      painter.current?.mark(run, sight, replay);
    };
    let due = 0;
    if (sight) {
      sight.changed = () => {
        due ||= requestAnimationFrame(() => {
          due = 0;
          painter.current?.mark(run, sight, replay);
        });
      };
    }
    const stops = [
      base.calm.subscribe(draw),
      replay ? run.live.subscribe(() => painter.current?.mark(run, sight, replay)) : undefined,
    ];
    const id = setInterval(draw, 1000);
    const observer = new ResizeObserver(draw);
    observer.observe(strip.current as Element);
    return () => {
      stops.forEach((stop) => {
        stop?.();
      });
      clearInterval(id);
      cancelAnimationFrame(due);
      observer.disconnect();
      if (sight) {
        sight.changed = undefined;
      }
    };
  }, [base, run, sight, replay]);

  const seekTo = (ms: number): void => {
    const { line } = painter.current ?? {};
    if (line) {
      onSeek(line.seqAt(Math.max(line.fromMs, Math.min(line.toMs, ms))));
    }
  };
  const point = (event: PointerEvent): void => {
    const { line } = painter.current ?? {};
    const box = strip.current?.getBoundingClientRect();
    if (line && box && event.buttons & 1) {
      seekTo(line.fromMs + ((event.clientX - box.left) / box.width) * (line.toMs - line.fromMs));
    }
  };
  const at = replay ? run.nowMs : sight?.last ? run.log.timeMs(sight.last) : run.log.lastMs;
  const key = (event: KeyboardEvent): void => {
    const { line } = painter.current ?? {};
    const by = { ArrowRight: 1, ArrowLeft: -1, PageUp: -5, PageDown: 5 }[event.key];
    if (!line || (!by && event.key !== "Home" && event.key !== "End")) {
      return;
    }
    event.preventDefault();
    const step = (line.toMs - line.fromMs) / KEY_SHARE;
    seekTo(by ? at + by * step : event.key === "Home" ? line.fromMs : line.toMs);
  };
  const { firstMs, lastMs } = base.log;
  const share = lastMs > firstMs ? Math.round(((at - firstMs) / (lastMs - firstMs)) * 100) : 100;
  return (
    <div
      class={`minimap${replay ? " scrubs" : ""}`}
      ref={strip}
      role="slider"
      tabIndex={0}
      aria-label={replay ? "Time of the replay" : "Timeline"}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.max(0, Math.min(100, share))}
      aria-valuetext={clockTime(at)}
      title="The run by time: click or drag to go there"
      onKeyDown={key}
      onPointerDown={(event) => {
        strip.current?.setPointerCapture(event.pointerId);
        point(event);
      }}
      onPointerMove={point}
    >
      <canvas />
      <span class="minimap-sight" hidden />
      <span class="minimap-head" hidden />
    </div>
  );
}
