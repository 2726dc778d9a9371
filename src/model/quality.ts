/**
 * Quality flags: which test says what of one value. Verdicts are those of QARTOD (IOOS): a value that
 * failed is left out of statistics, a suspect one is shown. Nothing is deleted or changed.
 */
import { Type } from 'typebox';
import { number, type Of, record, text, time, whole } from './schema.ts';
import { VARIABLE_NAMES, type VariableName } from './variables.ts';

export const QUALITY_TESTS = [
  'step',
  'spike',
  'persistence',
  'internal',
  'buddies',
  'consistency',
  'bias',
  'climatology',
] as const;

export type QualityTest = (typeof QUALITY_TESTS)[number];

export const VERDICTS = ['suspect', 'fail'] as const;
export type Verdict = (typeof VERDICTS)[number];

export const QualityFlagSchema = record(
  {
    city_id: text('Identity of the city.'),
    observed_at: time('Time of the observation.'),
    variable: Type.Enum([...VARIABLE_NAMES], { description: 'Name of the variable.' }),
    test: Type.Enum([...QUALITY_TESTS], { description: 'Name of the test.' }),
    verdict: Type.Enum([...VERDICTS], {
      description:
        '`fail`: it cannot be right, and is left out of statistics; `suspect`: unlikely.',
    }),
    value: Type.Number({ description: 'Observed value.' }),
    expected: number(
      'What the test expected, in the unit of what it compared; null where that is not a number.',
    ),
    spread: number('How far from it values usually are; null where the test has limits instead.'),
    compared: number('What was compared, if not the value: the dew point of a humidity, °C.'),
  },
  'One test’s verdict on one value, which may have several.',
);

export type QualityFlag = Of<typeof QualityFlagSchema>;

/** The columns that flags are ordered by. */
export const FLAG_ORDER = ['city_id', 'observed_at', 'variable', 'test'] as const;

/** What spatial tests compare; a humidity is compared as the dew point. */
export const DRIFT_VARIABLES = ['temperature_c', 'dew_point_c', 'pressure_hpa'] as const;
export type DriftVariable = (typeof DRIFT_VARIABLES)[number];

export const StationDriftSchema = record(
  {
    city_id: text('Identity of the city.'),
    began_at: time('Begin of the day, UTC.'),
    variable: Type.Enum([...DRIFT_VARIABLES], {
      description: 'What is compared; the dew point is that of temperature and humidity.',
    }),
    difference: Type.Number({
      description: 'Median of the values less what the neighbours make likely, °C or hPa.',
    }),
    spread: Type.Number({
      description: 'How far apart such values usually are, by distance and height, °C or hPa.',
    }),
    count: whole('Number of values that were compared.'),
  },
  'One row per city, day and variable.',
);

export type StationDrift = Of<typeof StationDriftSchema>;

/** The columns that days are ordered by. */
export const DRIFT_ORDER = ['city_id', 'began_at', 'variable'] as const;

/** Which days are asked for. */
export interface StationDriftSelection {
  /** Ids; all when empty. */
  readonly cities: readonly string[];
  /** Of the begin of the day. ISO 8601 in UTC; `from` is inclusive, `to` exclusive, null for no limit. */
  readonly from: string | null;
  readonly to: string | null;
  /** All when empty. */
  readonly variables: readonly DriftVariable[];
  /** Only rows after this one, in their order; null for the first. */
  readonly after: Pick<StationDrift, 'began_at' | 'city_id' | 'variable'> | null;
  readonly limit: number;
}

/** Which flags are asked for. */
export interface QualityFlagSelection {
  /** Ids; all when empty. */
  readonly cities: readonly string[];
  /** ISO 8601 in UTC; `from` is inclusive, `to` exclusive, null for no limit. */
  readonly from: string | null;
  readonly to: string | null;
  /** All when empty. */
  readonly variables: readonly VariableName[];
  readonly tests: readonly QualityTest[];
  /** Null for both. */
  readonly verdict: Verdict | null;
  /** Only flags after this one, in their order; null for the first. */
  readonly after: Pick<QualityFlag, 'observed_at' | 'city_id' | 'variable' | 'test'> | null;
  readonly limit: number;
}

/** What of the table was checked. */
export interface CheckedQuality {
  /** The same as long as the same values have failed. */
  readonly key: string;
  readonly failed: number;
  readonly suspect: number;
  /** Of the table, whose values were checked last. */
  readonly tableVersion: number;
}

export const QualityStatusSchema = record(
  {
    table_version: Type.Integer({ description: 'Of the table, whose values were checked last.' }),
    failed: Type.Integer({ description: 'Values that failed, and are left out of statistics.' }),
    suspect: Type.Integer({ description: 'Values that are suspect.' }),
  },
  'Quality control.',
);
