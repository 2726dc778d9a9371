/**
 * Our SQL texts as Spark reads them. Both engines are given one text, in the words that standard
 * SQL has for it; three things are written differently:
 *
 *     $from                   a parameter            → a literal of its value
 *     'a\b'                   backslash is itself    → 'a\\b' (Spark escapes with it)
 *     lag(a IGNORE NULLS)     as DuckDB has it       → lag(a) IGNORE NULLS
 *
 * Spark Connect can bind parameters itself, but not where Delta's extension is installed: its
 * parser loses them (Spark 4.2, Delta 4.4). So a value becomes a literal here, and a text one of
 * hexadecimal digits: whatever it holds, it is never read as SQL.
 */
import { IsobarError } from '../../errors.ts';
import type { Parameters } from '../engine.ts';

type Piece = 'code' | 'string' | 'quoted' | 'comment';

/** The text for Spark. Rejects with QUERY_INVALID when a parameter has no value. */
export function sparkText(sql: string, parameters: Parameters = {}): string {
  const literal = (_: string, name: string) => {
    const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (value !== undefined) return literalOf(value);
    throw new IsobarError('QUERY_INVALID', `the parameter $${name} has no value`);
  };
  let text = '';
  for (const { kind, part } of pieces(sql)) {
    if (kind === 'code') {
      const code = part.replaceAll(/\sIGNORE NULLS\)/g, ') IGNORE NULLS');
      text += code.replaceAll(/\$([A-Za-z_]\w*)/g, literal);
    } else if (kind === 'string') text += part.replaceAll('\\', '\\\\');
    else text += part;
  }
  return text;
}

function literalOf(value: string | number | bigint | boolean | null): string {
  switch (typeof value) {
    case 'string':
      return `CAST(X'${Buffer.from(value).toString('hex')}' AS STRING)`;
    case 'number':
      if (!Number.isFinite(value)) return `DOUBLE('${value}')`;
      if (!Number.isSafeInteger(value)) return `(${value}D)`;
      return Math.abs(value) < 2 ** 31 ? `(${value})` : `(${value}L)`;
    case 'bigint':
      return `CAST('${value}' AS BIGINT)`;
    default:
      return String(value);
  }
}

/** Statements that `;` separates, without empty ones. */
export function splitStatements(sql: string): string[] {
  const statements = [''];
  for (const { kind, part } of pieces(sql)) {
    const [first = '', ...more] = kind === 'code' ? part.split(';') : [part];
    // A comment alone is not a statement.
    const last = statements.length - 1;
    statements[last] += kind === 'comment' ? ' ' : first;
    statements.push(...more);
  }
  return statements.map((statement) => statement.trim()).filter((statement) => statement !== '');
}

const PATTERN =
  /(?<string>'(?:[^']|'')*(?:'|$))|(?<quoted>"(?:[^"]|"")*(?:"|$)|`(?:[^`]|``)*(?:`|$))|(?<comment>--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))/g;

function* pieces(sql: string): Generator<{ readonly kind: Piece; readonly part: string }> {
  let end = 0;
  for (const match of sql.matchAll(PATTERN)) {
    if (match.index > end) yield { kind: 'code', part: sql.slice(end, match.index) };
    const { string, quoted } = match.groups ?? {};
    const kind = string !== undefined ? 'string' : quoted !== undefined ? 'quoted' : 'comment';
    yield { kind, part: match[0] };
    end = match.index + match[0].length;
  }
  if (end < sql.length) yield { kind: 'code', part: sql.slice(end) };
}

/** `a "b"` → `` `a "b"` `` */
export function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}
