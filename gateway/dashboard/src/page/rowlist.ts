/*  gateway/dashboard/src/page/rowlist.ts - a list of any length with rows of one height, about sixty nodes

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    Pixel = row x height: arithmetic, no measuring, so nothing can jump. While
    following it stands at the end; while reading, the row under the reader's eye
    keeps its pixel whatever is added or taken away around it.
*/
const OVERSCAN = 6;
/*  Browsers clamp an element's height (Firefox at 17.9 M px): beyond this the scroll bar is scaled. */
const HEIGHT_MAX = 15_000_000;

export interface RowSource {
  length: number;
  seqAt(row: number): number;
  rowOf(seq: number): number;
}

export interface RowListOptions {
  scroller: HTMLElement;
  space: HTMLElement;
  rowHeight: number;
  source: RowSource;
  create(): HTMLElement;
  bind(node: HTMLElement, seq: number, row: number): void;
  anchors(seq: number): boolean /* may hold the reader's place: a gap row may not, it shrinks */;
  onFollow(following: boolean): void;
  onSight(first: number, last: number): void /* seqs of the rows in sight */;
}

interface Slot {
  node: HTMLElement;
  y: number;
  row: number /* -1: not shown */;
}

export class RowList {
  readonly #o: RowListOptions;
  #rowHeight: number;
  #slots: Slot[] = [];
  #viewport = 0;
  #height = -1;
  #top = 0; /* scroller.scrollTop as last set or seen */
  #moved = false; /* #top is not yet the scroller's: set after the rows, so that a frame lays out once */
  #following = true;
  #anchor: { seq: number; offset: number } | undefined;
  #scheduled = false;
  #first = -1; /* seqs in sight, as last told */
  #last = -1;
  readonly #observer: ResizeObserver;
  readonly #listeners: [string, (event: Event) => void][];

  constructor(options: RowListOptions) {
    this.#o = options;
    this.#rowHeight = options.rowHeight;
    this.#listeners = [
      ["scroll", () => this.#scrolled()],
      ["wheel", (event) => (event as WheelEvent).deltaY < 0 && this.follow(false)],
      ["touchmove", () => this.follow(false)],
      ["selectstart", () => this.follow(false)],
      ["pointerdown", (event) => this.#pointer(event as PointerEvent)],
    ];
    for (const [name, fn] of this.#listeners) {
      options.scroller.addEventListener(name, fn, { passive: true });
    }
    this.#observer = new ResizeObserver(() => this.#resized());
    this.#observer.observe(options.scroller);
    this.#resized();
  }

  destroy(): void {
    this.#observer.disconnect();
    for (const [name, fn] of this.#listeners) {
      this.#o.scroller.removeEventListener(name, fn);
    }
    this.#o.space.replaceChildren();
  }

  get following(): boolean {
    return this.#following;
  }

  follow(on: boolean): void {
    if (on !== this.#following) {
      this.#following = on;
      this.#o.onFollow(on);
    }
    if (on) {
      this.paint();
    } else {
      this.#keepPlace();
    }
  }

  set rowHeight(px: number) {
    if (px !== this.#rowHeight) {
      const anchor = this.#anchor;
      this.#rowHeight = px;
      this.#unplace();
      this.#anchor = anchor && { seq: anchor.seq, offset: 0 };
      this.#resized();
    }
  }

  /*  Shows the row; center also when it is in sight already. */
  reveal(row: number, where: "nearest" | "center"): void {
    const y = row * this.#rowHeight;
    const top = this.#virtualTop();
    const inSight = y >= top && y + this.#rowHeight <= top + this.#viewport;
    if (where === "nearest" && inSight) {
      this.#keepPlace();
      return;
    }
    const middle = y - (this.#viewport - this.#rowHeight) / 2;
    const nearest = y < top ? y - this.#rowHeight : y + 3 * this.#rowHeight - this.#viewport; /* and what comes next */
    this.#setVirtualTop(where === "center" ? middle : nearest);
    this.#keepPlace();
    this.#place();
  }

  nodeOf(row: number): HTMLElement | undefined {
    const slot = this.#slots[row % Math.max(1, this.#slots.length)];
    return slot?.row === row ? slot.node : undefined;
  }

  /*  Where the focus is moves with the reader, not with the node. */
  focus(row: number): void {
    this.nodeOf(row)?.focus({ preventScroll: true });
  }

  pageRows(): number {
    return Math.max(1, Math.floor(this.#viewport / this.#rowHeight) - 1);
  }

  /*  The source has changed. To be called inside an animation frame. */
  paint(): void {
    const height = Math.min(HEIGHT_MAX, this.#total());
    if (height !== this.#height) {
      this.#height = height;
      this.#o.space.style.height = `${height}px`;
    }
    if (this.#following) {
      this.#setVirtualTop(this.#total() - this.#viewport);
    } else if (this.#anchor) {
      const row = this.#o.source.rowOf(this.#anchor.seq);
      this.#setVirtualTop(Math.max(0, row) * this.#rowHeight + this.#anchor.offset);
    }
    this.#place();
  }

  #total(): number {
    return this.#o.source.length * this.#rowHeight;
  }

  /*  List pixels per scroll bar pixel; 1 as long as the list is not huge. */
  #scale(): number {
    const total = this.#total();
    return total <= HEIGHT_MAX ? 1 : (total - this.#viewport) / (HEIGHT_MAX - this.#viewport);
  }

  #virtualTop(): number {
    return this.#top * this.#scale();
  }

  #setVirtualTop(y: number): void {
    const top = Math.max(0, Math.min(this.#total() - this.#viewport, y)) / this.#scale();
    if (Math.abs(top - this.#top) >= 0.5) {
      this.#top = top;
      this.#moved = true;
    }
  }

  #keepPlace(): void {
    const { source } = this.#o;
    const first = Math.floor(this.#virtualTop() / this.#rowHeight);
    for (let row = first; row < first + this.pageRows() && row < source.length; row++) {
      const seq = source.seqAt(row);
      if (this.#o.anchors(seq)) {
        this.#anchor = { seq, offset: this.#virtualTop() - row * this.#rowHeight };
        return;
      }
    }
    this.#anchor = undefined;
  }

  #scrolled(): void {
    if (this.#o.scroller.clientHeight !== this.#viewport) {
      this.#resized(); /* it was not the reader: a box that grows moves what is in it */
      return;
    }
    const top = this.#o.scroller.scrollTop;
    if (Math.abs(top - this.#top) < 1) {
      return; /* our own doing */
    }
    const up = top < this.#top;
    this.#top = top;
    const atEnd = this.#virtualTop() + this.#viewport >= this.#total() - 2;
    if (up || !atEnd) {
      this.follow(false);
    } else if (!this.#following) {
      this.#following = true;
      this.#o.onFollow(true);
    }
    this.#soon();
  }

  /*  The scroll bar lies outside the client area. */
  #pointer(event: PointerEvent): void {
    const { scroller } = this.#o;
    if (event.target === scroller && event.offsetX >= scroller.clientWidth) {
      this.follow(false);
    }
  }

  #soon(): void {
    if (!this.#scheduled) {
      this.#scheduled = true;
      requestAnimationFrame(() => {
        this.#scheduled = false;
        this.#place();
      });
    }
  }

  #resized(): void {
    this.#viewport = this.#o.scroller.clientHeight;
    const wanted = Math.ceil(this.#viewport / this.#rowHeight) + 2 * OVERSCAN + 1;
    if (wanted > this.#slots.length) {
      this.#unplace();
      while (this.#slots.length < wanted) {
        const node = this.#o.create();
        node.hidden = true;
        this.#o.space.append(node);
        this.#slots.push({ node, y: -1, row: -1 });
      }
    }
    this.paint();
  }

  #unplace(): void {
    for (const slot of this.#slots) {
      slot.row = -1;
      slot.node.hidden = true;
    }
  }

  #place(): void {
    const { source } = this.#o;
    const virtual = this.#virtualTop();
    const shift = this.#top - virtual;
    const first = Math.max(0, Math.floor(virtual / this.#rowHeight) - OVERSCAN);
    const end = Math.min(source.length, first + this.#slots.length);
    const focused = document.activeElement;
    for (let row = first; row < end; row++) {
      const slot = this.#slots[row % this.#slots.length] as Slot;
      if (slot.node === focused && slot.row !== row && slot.row >= 0) {
        this.#o.scroller.focus({ preventScroll: true }); /* its row has gone out of sight */
      }
      const y = Math.round(row * this.#rowHeight + shift);
      if (slot.y !== y) {
        slot.y = y;
        slot.node.style.transform = `translateY(${y}px)`;
      }
      if (slot.row < 0) {
        slot.node.hidden = false;
      }
      slot.row = row;
      this.#o.bind(slot.node, source.seqAt(row), row);
    }
    for (const slot of this.#slots) {
      if (slot.row >= 0 && (slot.row < first || slot.row >= end)) {
        slot.row = -1;
        slot.node.hidden = true;
      }
    }
    if (this.#moved) {
      this.#moved = false;
      this.#o.scroller.scrollTop = this.#top;
    }
    this.#tellSight(virtual);
  }

  #tellSight(top: number): void {
    const { source } = this.#o;
    const first = source.seqAt(Math.max(0, Math.floor(top / this.#rowHeight)));
    const last = source.seqAt(Math.min(source.length - 1, Math.floor((top + this.#viewport) / this.#rowHeight)));
    if (first !== this.#first || last !== this.#last) {
      this.#first = first;
      this.#last = last;
      this.#o.onSight(first, last);
    }
  }
}
