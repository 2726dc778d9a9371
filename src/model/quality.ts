/**
 * Quality flags: which test says what of one value. Verdicts are those of QARTOD (IOOS): a value that
 * failed is left out of statistics, a suspect one is shown. Nothing is deleted or changed.
 */
import type { VariableName } from './variables.ts';

export const QUALITY_TESTS = [
  'step',
  'spike',
  'persistence',
  'internal',
  'buddies',
  'consistency',
  'bias',
] as const;

export type QualityTest = (typeof QUALITY_TESTS)[number];
export type Verdict = 'suspect' | 'fail';

/** One test's verdict on one value. A value may have several. */
export interface QualityFlag {
  readonly city_id: string;
  /** ISO 8601. */
  readonly observed_at: string;
  readonly variable: VariableName;
  readonly test: QualityTest;
  readonly verdict: Verdict;
  readonly value: number;
  /** What the test expected, in the unit of what it compared; null where that is not a number. */
  readonly expected: number | null;
  /** How far from it a value may usually be; null where the test has limits instead. */
  readonly spread: number | null;
  /** What was compared, where it is not the value itself: the dew point of a humidity, °C. */
  readonly compared: number | null;
}
