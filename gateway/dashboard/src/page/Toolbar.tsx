/*  gateway/dashboard/src/page/Toolbar.tsx - search, filter chips, view, follow

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import type { ComponentChildren } from "preact";
import { useState } from "react";
import type { Run } from "../core/run.ts";
import { compact, grouped } from "../text/format.ts";
import { CHIPS, chipCount } from "./chips.ts";
import { Icon } from "./icons.tsx";
import { usePart, views } from "./parts.tsx";
import type { Tab } from "./route.ts";
import type { Search } from "./search.ts";

interface SearchProps {
  tab: Tab;
  query: string;
  regex: boolean;
  only: boolean;
  search: Search | undefined;
  count: number /* of what this tab shows */;
  field: { current: HTMLInputElement | null };
  onSearch(change: { q?: string; regex?: boolean; only?: boolean }): void;
  onJump(back: boolean): void;
}

interface ToolbarProps extends SearchProps {
  run: Run;
  on: ReadonlySet<string>;
  following: boolean | undefined /* undefined: nothing here can be followed */;
  onChip(id: string, alone: boolean): void;
  onFollow(): void;
  onSave(): void;
  children?: ComponentChildren;
}

export function Toolbar(props: ToolbarProps) {
  const { run, on, following, onChip, onFollow } = props;
  const chips = props.tab === "activity";
  const [open, setOpen] = useState(false);
  const [menu, setMenu] = useState(false);
  const more = usePart(views, false);
  const shown = CHIPS.filter((chip) => (chip.on || on.has(chip.id)) && chipCount(run.log, chip) > 0);
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
                title={`${chip.label}: click to show or hide, with Alt only these`}
                onClick={(event) => onChip(chip.id, event.altKey)}
              >
                {chip.label} <span class="count">{compact(chipCount(run.log, chip))}</span>
              </button>
            ))}
          </fieldset>
        </>
      ) : null}
      {props.children}
      <span class="toolbar-end">
        {more ? (
          <span class="menu-box">
            <button
              type="button"
              class="button quiet menu-button"
              aria-haspopup="dialog"
              aria-expanded={menu}
              aria-label="View"
              title="View: density, groups, more kinds"
              onClick={() => setMenu(!menu)}
            >
              <Icon name="view" />
            </button>
            {menu ? (
              <more.ViewMenu
                run={run}
                chips={chips}
                on={on}
                onChip={onChip}
                onSave={props.onSave}
                onClose={() => setMenu(false)}
              />
            ) : null}
          </span>
        ) : null}
        {following === undefined ? null : (
          <button
            type="button"
            class="button follow"
            aria-pressed={following}
            aria-label={following ? "Following the newest" : "Paused: follow the newest"}
            title="Follow the newest (Space)"
            onClick={onFollow}
          >
            <Icon name={following ? "down" : "pause"} />
            <span>{following ? "Following" : "Paused"}</span>
          </button>
        )}
      </span>
    </div>
  );
}

function SearchField(props: SearchProps) {
  const { tab, query, regex, only, search, count, field, onSearch, onJump } = props;
  const paths = tab === "files";
  const rows = !paths && tab !== "output";
  const what = paths ? "Filter paths" : tab === "output" ? "Search the output" : "Search this run";
  const key = (event: KeyboardEvent): void => {
    if (event.key === "Enter") {
      event.preventDefault();
      onJump(event.shiftKey);
    }
  };
  return (
    <search class="search">
      <Icon name="search" />
      <input
        ref={field}
        type="search"
        placeholder={what}
        aria-label={what}
        aria-invalid={search?.wrong ? "true" : undefined}
        value={query}
        onInput={(event) => onSearch({ q: event.currentTarget.value })}
        onKeyDown={key}
      />
      {paths ? null : (
        <button
          type="button"
          class="search-regex"
          aria-pressed={regex}
          aria-label="Regular expression"
          title="Search by a regular expression"
          onClick={() => onSearch({ regex: !regex })}
        >
          <Icon name="regex" />
        </button>
      )}
      {search ? (
        <span class={`search-found${search.wrong ? " bad" : ""}`} title={search.problem || undefined}>
          {search.wrong ? "not a pattern" : grouped(count)}
          {search.searching ? "…" : ""}
          {search.problem && !search.wrong ? "*" : ""}
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
          {rows ? (
            <button type="button" class="chip" aria-pressed={only} onClick={() => onSearch({ only: !only })}>
              Only matches
            </button>
          ) : null}
        </span>
      ) : null}
    </search>
  );
}
