/*  gateway/dashboard/src/page/Markdown.tsx - a markdown tree as elements

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
import { useMemo } from "react";
import { type Block, type Inline, markdown } from "../text/markdown.ts";
import { Terminal } from "./blocks.tsx";

/*  Beyond this a text is shown as it is, and not all of it at once. */
const PARSE_MAX = 256 * 1024;

function Link({ href, children }: { href: string; children: Inline[] }) {
  const host = /^https?:\/\/([^/]+)/i.exec(href)?.[1];
  const own = children.map((child) => ("text" in child ? child.text : "")).join("");
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow" title={href}>
      <Line of={children} />
      {host && !own.includes(host) ? <span class="host"> ({host})</span> : null}
    </a>
  );
}

function Mark({ of }: { of: Inline }) {
  switch (of.type) {
    case "text":
      return <>{of.text}</>;
    case "code":
      return <code>{of.text}</code>;
    case "strong":
      return (
        <strong>
          <Line of={of.children} />
        </strong>
      );
    case "em":
      return (
        <em>
          <Line of={of.children} />
        </em>
      );
    case "del":
      return (
        <del>
          <Line of={of.children} />
        </del>
      );
    case "link":
      return <Link href={of.href}>{of.children}</Link>;
  }
}

function Line({ of }: { of: Inline[] }) {
  return (
    <>
      {of.map((child, at) => (
        <Mark key={at} of={child} />
      ))}
    </>
  );
}

function List({ of }: { of: Extract<Block, { type: "list" }> }) {
  const items = of.items.map((item, at) => (
    <li key={at} class={item.checked === undefined ? undefined : item.checked ? "checked" : "unchecked"}>
      <Blocks of={item.children} tight />
    </li>
  ));
  return of.ordered ? <ol start={of.start}>{items}</ol> : <ul>{items}</ul>;
}

function Table({ of }: { of: Extract<Block, { type: "table" }> }) {
  const row = (cells: Inline[][], Cell: "th" | "td") =>
    cells.map((cell, at) => (
      <Cell key={at}>
        <Line of={cell} />
      </Cell>
    ));
  return (
    <div class="scroll-x">
      <table>
        <thead>
          <tr>{row(of.head, "th")}</tr>
        </thead>
        <tbody>
          {of.rows.map((cells, at) => (
            <tr key={at}>{row(cells, "td")}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function One({ of, tight }: { of: Block; tight: boolean | undefined }) {
  switch (of.type) {
    case "paragraph":
      return tight ? (
        <Line of={of.children} />
      ) : (
        <p>
          <Line of={of.children} />
        </p>
      );
    case "heading": {
      const Level = `h${Math.min(6, of.level + 2)}` as "h3";
      return (
        <Level>
          <Line of={of.children} />
        </Level>
      );
    }
    case "code":
      return (
        <pre class="code">
          <code>{of.text}</code>
        </pre>
      );
    case "quote":
      return (
        <blockquote>
          <Blocks of={of.children} />
        </blockquote>
      );
    case "list":
      return <List of={of} />;
    case "table":
      return <Table of={of} />;
    case "rule":
      return <hr />;
  }
}

function Blocks({ of, tight }: { of: Block[]; tight?: boolean }) {
  return (
    <>
      {of.map((child, at) => (
        <One key={at} of={child} tight={tight && of.length === 1} />
      ))}
    </>
  );
}

export function Markdown({ text }: { text: string }) {
  const tree = useMemo(() => (text.length > PARSE_MAX ? undefined : markdown(text)), [text]);
  return tree ? (
    <div class="md">
      <Blocks of={tree} />
    </div>
  ) : (
    <Terminal text={text} />
  );
}
