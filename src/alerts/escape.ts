/** Foreign text in the formats of messages: it is shown as it is, and is never a command there. */

/** HTML, in texts and in attributes. */
export const escapeHtml = (text: string) =>
  text.replace(/[&<>"']/g, (found) => `&#${found.charCodeAt(0)};`);

/** Slack: what would begin a link or a mention (`<!channel>`). */
export const escapeSlack = (text: string) =>
  text.replace(/[&<>]/g, (found) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[found] ?? '');

/** Discord: punctuation that its Markdown, its mentions or its links are made of. */
export const escapeDiscord = (text: string) => text.replace(/[\\*_~`|<>@#:()[\]{}+.!-]/g, '\\$&');

/**
 * As much of the text as has room when it is escaped, with `…` at its end when there was more. It is
 * measured in UTF-16 units; no character and no escape sequence is cut.
 */
export function cut(text: string, max: number, escaped = (part: string) => part): string {
  const whole = escaped(text);
  if (whole.length <= max) return whole;
  let taken = '';
  for (const character of text) {
    const next = escaped(character);
    if (taken.length + next.length > max - 1) break;
    taken += next;
  }
  return `${taken}…`;
}

/** The same, measured in bytes of UTF-8. */
export function cutBytes(text: string, max: number): string {
  if (Buffer.byteLength(text) <= max) return text;
  let taken = '';
  let bytes = Buffer.byteLength('…');
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > max) break;
    taken += character;
  }
  return `${taken}…`;
}
