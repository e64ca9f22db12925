/*  gateway/dashboard/src/page/parts.tsx - parts of the page that are loaded after the first load

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.

    What a live run needs comes first. Details, the other tabs and the timeline
    follow as soon as the browser is idle, so that they are there when they are
    wanted; replay, pinned runs and files only when somebody wants them.
*/
import { useEffect, useSyncExternalStore } from "react";

export class Part<M> {
  module: M | undefined;
  failed = false;
  readonly #import: () => Promise<M>;
  readonly #waiting = new Set<() => void>();
  #loading: Promise<void> | undefined;

  constructor(load: () => Promise<M>) {
    this.#import = load;
  }

  load(): Promise<void> {
    this.#loading ??= this.#fetch();
    return this.#loading;
  }

  async #fetch(): Promise<void> {
    try {
      this.module = await this.#import();
    } catch {
      this.failed = true;
    }
    for (const tell of this.#waiting) {
      tell();
    }
  }

  /*  Once it is there; never, when it cannot be had. */
  async use(then: (module: M) => void): Promise<void> {
    await this.load();
    if (this.module) {
      then(this.module);
    }
  }

  readonly subscribe = (tell: () => void): (() => void) => {
    this.#waiting.add(tell);
    return () => {
      this.#waiting.delete(tell);
    };
  };

  readonly getSnapshot = (): M | boolean => this.module ?? this.failed;
}

export const views = new Part(() => import("./views.ts"));
export const extras = new Part(() => import("./extras.ts"));

/*  The module once it is there; wanted: it is fetched now, and not when there is time. */
export function usePart<M>(part: Part<M>, wanted: boolean): M | undefined {
  useSyncExternalStore(part.subscribe, part.getSnapshot);
  useEffect(() => {
    if (wanted) {
      void part.load();
    }
  }, [part, wanted]);
  return part.module;
}

/*  Stands where a part will be. A gateway of another version no longer has this page's parts. */
export function Waiting({ part }: { part: Part<unknown> }) {
  return part.failed ? (
    <p class="hint" role="alert">
      This part of the page could not be loaded.{" "}
      <button type="button" class="inline" onClick={() => location.reload()}>
        Reload the page
      </button>
    </p>
  ) : (
    <p class="hint" aria-busy="true" />
  );
}
