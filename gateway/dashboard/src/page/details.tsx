/*  gateway/dashboard/src/page/details.tsx - what a tool call did, shown the way of the tool

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import type { AgentToolCall, AgentToolResult, JsonObject, JsonValue } from "../core/events.gen.ts";
import { changedPaths } from "../core/files.ts";
import { Row, rowKind } from "../core/rows.ts";
import { type EditStep, editSteps } from "../text/accumulate.ts";
import { safeHref } from "../text/markdown.ts";
import { callTarget } from "../text/summary.ts";
import { visible } from "../text/visible.ts";
import { CHARS_MAX, Diff, Json, Patch, Terminal } from "./blocks.tsx";

const text = (value: JsonValue | undefined): string => (typeof value === "string" ? value : "");
const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/*  Edit, Write, MultiEdit, patches. */
export function EditBody({ call }: { call: AgentToolCall }) {
  const steps = editSteps(call);
  const paths = changedPaths(call.input);
  if (paths.length > 0) {
    return <Paths of={paths} />;
  }
  return steps.length === 0 ? <Json value={call.input} /> : steps.map((step, at) => <OneEdit key={at} step={step} />);
}

const KIND_CLASSES: Record<string, string> = { add: "created", delete: "deleted" };

/*  Of several files at once, only which and how. */
function Paths({ of }: { of: { path: string; kind: string }[] }) {
  return (
    <ul class="paths mono">
      {of.map(({ path, kind }) => (
        <li key={path}>
          <span class={`file-action ${KIND_CLASSES[kind] ?? ""}`}>{visible(kind)}</span> {visible(path)}
        </li>
      ))}
    </ul>
  );
}

function OneEdit({ step }: { step: EditStep }) {
  if (step.patch !== undefined) {
    return <Patch text={step.patch} />;
  }
  return step.content !== undefined ? (
    <Diff before="" after={step.content} whole />
  ) : (
    <Diff before={step.before ?? ""} after={step.after ?? ""} />
  );
}

/*  The rest of an input, beside what its own view shows. */
function Rest({ input, without }: { input: JsonObject; without: string[] }) {
  const rest = Object.fromEntries(Object.entries(input).filter(([key]) => !without.includes(key)));
  return Object.keys(rest).length > 0 ? <Json value={rest} /> : null;
}

function Todos({ call }: { call: AgentToolCall }) {
  const list = call.input.todos ?? call.input.items ?? call.input.plan;
  if (!Array.isArray(list)) {
    return <Json value={call.input} />;
  }
  return (
    <ul class="todos">
      {list.filter(isObject).map((item, at) => {
        const state = item.completed === true ? "completed" : text(item.status) || "pending";
        return (
          <li key={at} class={state}>
            {visible(text(item.content) || text(item.text) || text(item.step))}
          </li>
        );
      })}
    </ul>
  );
}

/*  Stands above already. */
const PATHS = ["file_path", "filePath", "path", "absolute_path"];

/*  Where it goes is said before anybody goes there. */
function Web({ input }: { input: JsonObject }) {
  const href = safeHref(text(input.url));
  const host = href && /^\w+:\/\/([^/?#]+)/.exec(href)?.[1];
  return (
    <>
      {href ? (
        <p class="web">
          <strong>{visible(host ?? "")}</strong>{" "}
          <a href={href} target="_blank" rel="noopener noreferrer nofollow">
            open in a new tab
          </a>
        </p>
      ) : null}
      {text(input.prompt) ? <pre class="prompt">{visible(text(input.prompt))}</pre> : null}
      <Rest input={input} without={["url", "prompt"]} />
    </>
  );
}

export function CallBody({ call }: { call: AgentToolCall }) {
  if (!isObject(call.input)) {
    return <Json value={call.input as JsonValue} />;
  }
  switch (rowKind(call)) {
    case Row.BASH:
      return (
        <>
          <pre class="command">{visible(callTarget(call).slice(0, CHARS_MAX))}</pre>
          <Rest input={call.input} without={["command", "script"]} />
        </>
      );
    case Row.EDIT:
      return <EditBody call={call} />;
    case Row.WEB:
      return <Web input={call.input} />;
    case Row.READ:
      return <Rest input={call.input} without={PATHS} />;
    case Row.SEARCH:
      return <Rest input={call.input} without={[]} />;
    case Row.TODO:
      return <Todos call={call} />;
    case Row.AGENT:
      return (
        <>
          <pre class="prompt">{visible(text(call.input.prompt).slice(0, CHARS_MAX))}</pre>
          <Rest input={call.input} without={["prompt"]} />
        </>
      );
    default:
      return <Json value={call.input} />;
  }
}

/*  Claude's Read answers with numbered lines; they are terminal text like all else. */
export function ResultBody({ result, call }: { result: AgentToolResult; call: AgentToolCall | undefined }) {
  const content = result.content ?? result.contentPreview ?? "";
  if (content === "") {
    return <p class="dim">No output.</p>;
  }
  if (call && rowKind(call) === Row.SEARCH) {
    return <Hits text={content} />;
  }
  return <Terminal text={content} />;
}

const HITS = 500;

/*  path:line:text, grouped by path; anything else is shown as it is. */
function Hits({ text: source }: { text: string }) {
  const lines = source.split("\n");
  const groups = new Map<string, string[]>();
  for (const line of lines.slice(0, HITS)) {
    const match = /^([^:\s][^:]{0,300}):(\d+)[:-](.*)$/.exec(line);
    if (!match) {
      return <Terminal text={source} />;
    }
    const path = match[1] as string;
    groups.set(path, [...(groups.get(path) ?? []), `${match[2]}: ${match[3]}`]);
  }
  return (
    <div class="hits">
      {[...groups].map(([path, hits]) => (
        <section key={path}>
          <h4 class="mono">
            {visible(path)} <span class="count">{hits.length}</span>
          </h4>
          <pre>{visible(hits.join("\n"))}</pre>
        </section>
      ))}
      {lines.length > HITS ? <p class="dim">{lines.length - HITS} more lines</p> : null}
    </div>
  );
}
