/*  gateway/dashboard/src/page/Toolbar.tsx - search, filter chips, follow

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { useState } from "react";
import type { RunStream } from "../core/runstream.ts";
import { compact, grouped } from "../text/format.ts";
import { CHIPS, chipCount } from "./chips.ts";
import { Icon } from "./icons.tsx";
import type { Search } from "./search.ts";

interface ToolbarProps {
  stream: RunStream;
  chips: boolean;
  on: ReadonlySet<string>;
  setOn(on: ReadonlySet<string>): void;
  query: string;
  setQuery(query: string): void;
  search: Search | undefined;
  only: boolean;
  setOnly(only: boolean): void;
  field: { current: HTMLInputElement | null };
  following: boolean;
  onJump(back: boolean): void;
  onFollow(): void;
}

export function Toolbar(props: ToolbarProps) {
  const { stream, chips, on, setOn, following, onFollow } = props;
  const [open, setOpen] = useState(false);
  const shown = CHIPS.filter((chip) => chipCount(stream.log, chip) > 0);
  const toggle = (id: string, alone: boolean): void => {
    const next = new Set(alone ? [id] : on);
    if (!alone && on.has(id)) {
      next.delete(id);
    } else {
      next.add(id);
    }
    setOn(next);
  };
  return (
    <div class="toolbar">
      <SearchField {...props} />
      {chips && shown.length > 0 ? (
        <>
          <button
            type="button"
            class="button quiet phone"
            aria-expanded={open}
            aria-label="Filters"
            onClick={() => setOpen(!open)}
          >
            <Icon name="filter" />
          </button>
          <fieldset class={`chips${open ? " open" : ""}`}>
            <legend class="said">Kinds of rows shown</legend>
            {shown.map((chip) => (
              <button
                type="button"
                key={chip.id}
                class="chip"
                aria-pressed={on.has(chip.id)}
                title="Alt-click: only these"
                onClick={(event) => toggle(chip.id, event.altKey)}
              >
                {chip.label} <span class="count">{compact(chipCount(stream.log, chip))}</span>
              </button>
            ))}
          </fieldset>
        </>
      ) : null}
      <button
        type="button"
        class="button follow"
        aria-pressed={following}
        title="Follow the newest (Space)"
        onClick={onFollow}
      >
        <Icon name={following ? "down" : "pause"} />
        <span>{following ? "Following" : "Paused"}</span>
      </button>
    </div>
  );
}

function SearchField({ query, setQuery, search, only, setOnly, field, onJump }: ToolbarProps) {
  const key = (event: KeyboardEvent): void => {
    if (event.key === "Enter") {
      event.preventDefault();
      onJump(!event.shiftKey);
    }
  };
  return (
    <search class="search">
      <Icon name="search" />
      <input
        ref={field}
        type="search"
        placeholder="Search this run"
        aria-label="Search this run"
        value={query}
        onInput={(event) => setQuery(event.currentTarget.value)}
        onKeyDown={key}
      />
      {search ? (
        <span class="search-found" title={search.problem}>
          {grouped(search.count)}
          {search.searching ? "…" : ""}
          {search.problem ? "*" : ""}
          <button
            type="button"
            class="button quiet"
            aria-label="Previous match"
            title="Previous (N)"
            onClick={() => onJump(true)}
          >
            <Icon name="prev" />
          </button>
          <button
            type="button"
            class="button quiet"
            aria-label="Next match"
            title="Next (n)"
            onClick={() => onJump(false)}
          >
            <Icon name="next" />
          </button>
          <button type="button" class="chip" aria-pressed={only} onClick={() => setOnly(!only)}>
            Only matches
          </button>
        </span>
      ) : null}
    </search>
  );
}
