/** Numbers as people write them. */

export interface NumberStyle {
  readonly decimalComma: boolean;
  /** What stands between thousands; null when the files have none, or only where it is clear. */
  readonly thousands: string | null;
}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const SPACES = /[\s\u00a0\u2009\u202f]/g;

/** A decimal number; null for anything else, also for what only JavaScript calls one (0x1, ''). */
export function parseDecimal(text: string): number | null {
  if (!DECIMAL.test(text)) return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}

/** `null`: not a number; `ambiguous`: a point or comma that may stand for thousands or for decimals. */
export type ParseNumber = (text: string) => number | null | 'ambiguous';

/**
 * A reader of numbers in a style. Where both marks are in a number, such as 1.015,1 or 1,015.1, it
 * is clear which one stands for thousands. A single point before three digits is not clear where
 * the comma is for decimals.
 */
export function numberReader({ decimalComma, thousands }: NumberStyle): ParseNumber {
  const [decimal, other] = decimalComma ? [',', '.'] : ['.', ','];
  const isSpace = thousands !== null && thousands.replace(SPACES, '') === '';
  const mark = thousands === null ? other : straight(thousands);
  const grouped = groupedPattern(isSpace ? ' ' : mark, decimal);
  const isPlain = !decimalComma && thousands === null;
  return (given) => {
    // Typeset numbers have a minus sign of their own.
    let text = given.charCodeAt(0) === 0x2212 ? `-${given.slice(1)}` : given;
    if (mark === "'") text = straight(text);
    if (isPlain && !text.includes(',')) return parseDecimal(text);
    if (isSpace) text = text.replace(SPACES, ' ');
    const found = grouped.exec(text);
    if (found !== null) {
      const groups = (found[1] ?? '').split(isSpace ? ' ' : mark);
      const isClear = thousands !== null || groups.length > 2 || found[2] !== undefined;
      if (isClear) return parseDecimal(groups.join('') + (found[2]?.replace(decimal, '.') ?? ''));
    }
    if (!decimalComma)
      return thousands === null || !text.includes(mark) ? parseDecimal(text) : null;
    if (found !== null) return 'ambiguous';
    if (text.includes('.') && (text.includes(',') || thousands === '.')) return null;
    return parseDecimal(text.replace(',', '.'));
  };
}

function straight(text: string): string {
  return text.replaceAll('’', "'");
}

/** Digits in threes: sign and digits with marks, then the decimals. */
function groupedPattern(mark: string, decimal: string): RegExp {
  const escaped = mark.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^([+-]?[1-9]\\d{0,2}(?:${escaped}\\d{3})+)(\\${decimal}\\d*)?$`);
}
