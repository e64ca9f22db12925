/*  gateway/dashboard/src/page/Help.tsx - the keys

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { useEffect, useRef } from "react";
import { Icon } from "./icons.tsx";
import { setPrefs, usePrefs } from "./prefs.ts";

export const KEYS: [string, string][] = [
  ["j / k", "next, previous row"],
  ["Enter or o", "into the details; open a group"],
  ["Esc", "close details, leave the search"],
  ["Space", "pause, go on; in a replay: play"],
  ["G or End", "latest, follow"],
  ["g or Home", "first row"],
  ["/", "search; n, N: next, previous match"],
  ["e / E", "next, previous failure"],
  ["t / T", "next, previous tool call"],
  ["f", "fold, unfold the selected subagent or group"],
  ["r", "replay, and back"],
  [", / .", "in a replay: step back, on"],
  ["p", "pin the run"],
  ["1 – 5", "tabs"],
  ["[ / ]", "previous, next run"],
  ["c", "copy the event as JSON"],
  ["y", "copy a link to the event"],
  ["?", "this list"],
];

export function Help({ onClose }: { onClose(): void }) {
  const { keys } = usePrefs();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog class="help" ref={dialog} onClose={onClose} aria-label="Keyboard shortcuts">
      <header>
        <h2>Keys</h2>
        <button type="button" class="button quiet" aria-label="Close" onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
      </header>
      <dl>
        {KEYS.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <label class="menu-row">
        <input type="checkbox" checked={keys} onChange={() => setPrefs({ keys: !keys })} />
        Single-key shortcuts
      </label>
    </dialog>
  );
}
