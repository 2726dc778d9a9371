/** Numbers as people read them: in the page's language, a true minus sign, fixed digits. */
import { computed } from '@preact/signals';
import type { Forms } from '../words/en.ts';
import { locale } from '../words/words.ts';

const formats = new Map<string, Intl.NumberFormat>();
const plurals = computed(() => new Intl.PluralRules(locale.value));

/** 1284.04 with 1 digit → "1,284.0"; a value that rounds to zero has no sign; "–" for no number. */
export function formatNumber(value: number, digits: number): string {
  if (!Number.isFinite(value)) return '–';
  const key = `${locale.value} ${digits}`;
  let format = formats.get(key);
  if (format === undefined) {
    format = new Intl.NumberFormat(locale.value, {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
      signDisplay: 'negative',
    });
    formats.set(key, format);
  }
  return format.format(value).replace('-', '−');
}

/** 2.7 → "+2.7", −0.14 → "−0.1", 0.04 → "0.0". */
export function formatSigned(value: number, digits: number): string {
  const text = formatNumber(value, digits);
  return value > 0 && /[1-9]/.test(text) ? `+${text}` : text;
}

export function formatCount(value: number): string {
  return formatNumber(value, 0);
}

/** Whether the page's language speaks of this number as of one: 1, and in French 0 and 1.5, too. */
export function isOne(count: number): boolean {
  return plurals.value.select(count) === 'one';
}

/** 3 of "value", "values" → "3 values". */
export function formatPlural(count: number, [one, many]: Forms): string {
  return `${formatCount(count)} ${isOne(count) ? one : many}`;
}

/** Bytes of a file: 64 MiB, 1.5 GiB. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${formatNumber(value, unit === 0 || value >= 100 ? 0 : 1)} ${units[unit] ?? ''}`;
}
