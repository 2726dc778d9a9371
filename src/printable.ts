/**
 * Text of strangers (names, paths, answers, other programs’ commits) where people read it: what
 * would steer a terminal, or show other than it is, is written as `\uXXXX`. Inside JSON that is
 * the same text.
 */

/** Control characters of C0 and C1, separators of lines, lone surrogates, marks of direction. */
const STEERING =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u{e0000}-\u{e007f}]/gu;

/** The text with line ends and tabs as they are. */
export function printable(text: string): string {
  return text.replace(STEERING, (found) =>
    found === '\n' || found === '\t' ? found : escapeCharacter(found),
  );
}

/** The text on one line: for a value within a line or a cell. */
export function oneLine(text: string): string {
  return text.replace(STEERING, escapeCharacter);
}

function escapeCharacter(character: string): string {
  if (character === '\n') return '\\n';
  if (character === '\t') return '\\t';
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}

/** The text as one word of a command that a shell reads. */
export function shellWord(text: string): string {
  return /^[\w./@%+:,=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
