/*  gateway/dashboard/src/page/ReplayBar.tsx - play, step, speed, and where the replay stands

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { type Player, SPEEDS } from "../core/player.ts";
import { dayTime, grouped } from "../text/format.ts";
import { Icon } from "./icons.tsx";

interface ReplayBarProps {
  player: Player;
  version: number;
  onLeave(): void;
}

const name = (speed: number): string => (speed === Number.POSITIVE_INFINITY ? "max" : `${speed}×`);

export function ReplayBar({ player, onLeave }: ReplayBarProps) {
  const play = (): void => {
    if (player.atEnd && !player.playing) {
      player.seek(1);
    }
    player.play(!player.playing);
  };
  return (
    <section class="replay-bar" aria-label="Replay">
      <button
        type="button"
        class="button quiet"
        aria-label="Step back"
        title="Step back (,)"
        onClick={() => player.step(-1)}
      >
        <Icon name="prev" />
      </button>
      <button
        type="button"
        class="button strong"
        aria-label={player.playing ? "Pause the replay" : "Play"}
        title="Play, pause (Space)"
        onClick={play}
      >
        <Icon name={player.playing ? "pause" : "play"} />
      </button>
      <button
        type="button"
        class="button quiet"
        aria-label="Step on"
        title="Step on (.)"
        onClick={() => player.step(1)}
      >
        <Icon name="next" />
      </button>
      <fieldset class="speeds">
        <legend class="said">Speed</legend>
        {SPEEDS.map((speed) => (
          <button
            type="button"
            key={speed}
            class="chip"
            aria-pressed={player.speed === speed}
            onClick={() => player.setSpeed(speed)}
          >
            {name(speed)}
          </button>
        ))}
      </fieldset>
      <time>{player.nowMs > 0 ? dayTime(player.nowMs) : ""}</time>
      <span class="dim">
        event {grouped(player.log.last)} of {grouped(player.last)}
      </span>
      <span class="grow" />
      <button type="button" class="button small" onClick={onLeave}>
        Back to {player.source.facts.ended ? "the end" : "live"}
      </button>
    </section>
  );
}
