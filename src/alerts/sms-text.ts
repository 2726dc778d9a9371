/**
 * A message as SMS: three segments at most. Text of the alphabet GSM 7-bit (3GPP TS 23.038) has 153
 * septets in each of several segments, other text 67 units of UTF-16.
 */
import { cut } from './escape.ts';
import type { MessageText } from './message-text.ts';

const SEGMENTS_MAX = 3;
const SEPTETS = 153;
const UNITS = 67;

const BASIC =
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà';
/** Two septets each. */
const EXTENDED = '^{}\\[~]|€';

/** The command and the address stay whole; what has no room is cut from the subject. */
export function smsText(text: MessageText): string {
  const [since] = text.facts.find(([name]) => name === 'Since')?.[1].split(' (') ?? [];
  const ends = [since && `since ${since}`, text.url, text.acknowledge];
  const end = ends.filter(Boolean).join('. ');
  const subject = text.subject.replaceAll('°C', 'C').replaceAll('°', ' deg').replaceAll('…', '...');
  const room = SEPTETS * SEGMENTS_MAX;
  for (let max = room; max > 0; max--) {
    const whole = end === '' ? shorten(subject, max) : `${shorten(subject, max)}. ${end}`;
    if (segmentsOf(whole) <= SEGMENTS_MAX) return whole;
  }
  return shorten(subject, UNITS * SEGMENTS_MAX);
}

/** The sign for what was cut is one of the alphabet. */
function shorten(text: string, max: number): string {
  return text.length <= max ? text : `${cut(text, Math.max(1, max - 2)).slice(0, -1)}...`;
}

export function segmentsOf(text: string): number {
  let septets = 0;
  for (const character of text) {
    const isExtended = EXTENDED.includes(character);
    if (!isExtended && !BASIC.includes(character)) {
      return text.length <= 70 ? 1 : Math.ceil(text.length / UNITS);
    }
    septets += isExtended ? 2 : 1;
  }
  return septets <= 160 ? 1 : Math.ceil(septets / SEPTETS);
}
