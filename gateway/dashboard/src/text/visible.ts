/*  gateway/dashboard/src/text/visible.ts - hostile text made visible instead of obeyed

    This Source Code Form is subject to the terms of the Mozilla Public
    License, v. 2.0. If a copy of the MPL was not distributed with this
    file, You can obtain one at https://mozilla.org/MPL/2.0/.
*/
/*  Control characters except newline and tab, and the marks that turn, hide
    or join text. */
const UNSEEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

function symbol(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) {
    return String.fromCharCode(0x2400 + code);
  }
  return code === 0x7f ? "\u2421" : `[U+${code.toString(16).toUpperCase().padStart(4, "0")}]`;
}

/*  A zero width joiner inside an emoji is no trick: 👩‍💻 stays whole. */
function replace(character: string, at: number, whole: string): string {
  if (character === "\u200d" && /\p{Extended_Pictographic}\ufe0f?$/u.test(whole.slice(Math.max(0, at - 3), at))) {
    return character;
  }
  return symbol(character);
}

export function visible(text: string): string {
  return text.replace(/\r\n/g, "\n").replace(UNSEEN, replace);
}

/*  One line, at most so many characters: for rows. */
export function oneLine(text: string, max = 220): string {
  const head = text.length > max * 2 ? text.slice(0, max * 2) : text;
  const line = visible(head.replace(/\s+/g, " ").trim());
  return line.length > max || head.length < text.length ? `${line.slice(0, max)}…` : line;
}
