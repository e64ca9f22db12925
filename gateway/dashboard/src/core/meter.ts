/*  gateway/dashboard/src/core/meter.ts - events per second over the last two seconds

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import type { Clock } from "./env.ts";

const SLOTS = 10;
const SLOT_MS = 200;

export class Meter {
  readonly #clock: Clock;
  readonly #slots = new Uint32Array(SLOTS);
  #slot = 0; /* number of the current slot since time 0 */

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  count(): void {
    this.#turn();
    const at = this.#slot % SLOTS;
    this.#slots[at] = (this.#slots[at] ?? 0) + 1;
  }

  get perSecond(): number {
    this.#turn();
    return this.#slots.reduce((sum, count) => sum + count, 0) / ((SLOTS * SLOT_MS) / 1000);
  }

  #turn(): void {
    const now = Math.floor(this.#clock.now() / SLOT_MS);
    for (let i = Math.min(SLOTS, now - this.#slot); i > 0; i--) {
      this.#slots[(now - i + 1) % SLOTS] = 0;
    }
    this.#slot = Math.max(this.#slot, now);
  }
}
