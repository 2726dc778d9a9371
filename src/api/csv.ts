/**
 * CSV as RFC 4180 wants it: one header row, CRLF, quotes where needed, nothing before or after.
 * An absent value is an empty field. A text that a spreadsheet would run as a formula (it begins
 * with = + - @, a tab or a carriage return) gets an apostrophe in front; numbers stay numbers.
 */
export function formatCsv(
  columns: readonly string[],
  rows: readonly Readonly<Record<string, unknown>>[],
): string {
  const lines = [columns.map(formatField).join(',')];
  for (const row of rows) lines.push(columns.map((column) => formatField(row[column])).join(','));
  return `${lines.join('\r\n')}\r\n`;
}

function formatField(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
    return String(value);
  }
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
