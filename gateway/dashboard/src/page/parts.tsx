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
  #loading = false;
  readonly #waiting = new Set<() => void>();

  constructor(load: () => Promise<M>) {
    this.#import = load;
  }

  readonly load = (): void => {
    if (this.#loading) {
      return;
    }
    this.#loading = true;
    void this.#import()
      .then(
        (module) => {
          this.module = module;
        },
        () => {
          this.failed = true;
        },
      )
      .then(() => {
        for (const tell of this.#waiting) {
          tell();
        }
      });
  };

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
      part.load();
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
