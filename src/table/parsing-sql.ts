/**
 * The SQL that turns staged records into rows, or into reasons why they are rejected.
 *
 * Validity is decided from the record alone. What identifies the observation rejects the record: its
 * city, its times, its source. Any other field that cannot be used becomes NULL and is kept, with
 * its text and the reason, in `rejected_fields`.
 */
import { CLOCK_SKEW_S_MAX, OBSERVED_AT_MIN, TEXT_CHARACTERS_MAX } from '../model/observation.ts';
import {
  FIELD_CHARACTERS_MAX,
  IS_NAN,
  NOT_A_NUMBER,
  outOfRange,
  REJECTED_FIELD_TYPE,
  WHOLES,
} from '../model/validity.ts';
import { VARIABLE_NAMES, VARIABLES } from '../model/variables.ts';
import { contentHashSql, importedSql } from '../model/versions.ts';
import { fileLiteral, literal } from '../sql/text.ts';

/** What a record must have to be an observation; each is text. */
const IDENTIFYING = ['city_id', 'source'] as const;
const TIMES = ['observed_at', 'collected_at'] as const;
const NUMBERING = ['import_id', 'import_row'] as const;
const TEXTS = ['city', 'country', 'condition'] as const;

const WHOLE_NAMES = Object.keys(WHOLES) as (keyof typeof WHOLES)[];

/** Every field of a record that is read. */
export const RECORD_FIELDS = [
  ...IDENTIFYING,
  ...TIMES,
  ...NUMBERING,
  ...TEXTS,
  ...WHOLE_NAMES,
  ...VARIABLE_NAMES,
  'rejected_fields',
  'response',
  'invalid',
] as const;

/** Every field as text, which keeps a value of another type distinct from a missing one. */
const SHAPE = JSON.stringify(Object.fromEntries(RECORD_FIELDS.map((name) => [name, 'VARCHAR'])));

/** One row per staged line. */
function stagedSql(file: string): string {
  return `
    SELECT
      log_offset, kind, length, sha256,
      CASE kind WHEN 0 THEN value WHEN 1 THEN decode(from_hex(value)) END AS text,
      CASE WHEN kind >= 2 THEN value END AS hex
    FROM read_csv(${fileLiteral(file)},
      delim = '\t', quote = '', escape = '', header = false, auto_detect = false,
      nullstr = '\x01', max_line_size = 4194304, buffer_size = 8388608,
      columns = {'log_offset': 'BIGINT', 'kind': 'INTEGER', 'length': 'BIGINT',
                 'sha256': 'VARCHAR', 'value': 'VARCHAR'})`;
}

/**
 * One row per staged record, in no order: its fields, typed, and `reason`, NULL for a record that
 * makes a row; `content_hash` stands for the content columns. The file is parsed where it is read,
 * by all threads.
 */
export function parsedSql(file: string, simulated: boolean): string {
  const wholes = [...NUMBERING, ...WHOLE_NAMES].map(
    (name) => `TRY_CAST(r.${name} AS BIGINT) AS ${name}`,
  );
  const numbers = VARIABLE_NAMES.map((name) => `TRY_CAST(r.${name} AS DOUBLE) AS ${name}`);
  const texts = [...IDENTIFYING, ...TEXTS].map((name) => `r.${name} AS ${name}`);
  const checked = CHECKED.map(({ name, usable }) => `CASE WHEN ${usable} THEN ${name} END`);
  const replaced = CHECKED.map(({ name }, index) => `${checked[index]} AS ${name}`);
  return `
    CREATE OR REPLACE TEMP TABLE parsed AS
    WITH staged AS (${stagedSql(file)}),
    read AS (
      SELECT *, CASE WHEN json_valid(text) THEN from_json(text, '${SHAPE}') END AS r FROM staged
    ),
    typed AS (
      SELECT
        log_offset, kind, length, sha256, text, hex, r,
        ${texts.join(', ')}, ${TIMES.map(timeSql).join(', ')},
        ${wholes.join(', ')},
        ${numbers.join(', ')},
        r.response AS response
      FROM read
    ),
    judged AS (
      SELECT * REPLACE (${replaced.join(', ')}),
        ${reasonSql(simulated)} AS reason,
        CASE WHEN r.rejected_fields IS NOT NULL OR ${CHECKED.map(({ problem }) => problem).join(' OR ')}
          THEN ${rejectedFieldsSql()} END AS rejected_fields
      FROM typed
    )
    SELECT * EXCLUDE (r), ${importedSql('')} AS imported, ${contentHashSql('')} AS content_hash
    FROM judged`;
}

interface Checked {
  readonly name: string;
  /** Whether the typed value can be used; NULL when there is none. */
  readonly usable: string;
  /** Whether something was given that cannot be used. */
  readonly problem: string;
  /** The reason, when there is a problem. */
  readonly reason: string;
}

const CHECKED: readonly Checked[] = [
  ...VARIABLE_NAMES.map((name) => {
    const { minimum, maximum } = VARIABLES[name];
    return checkedNumber(name, minimum, maximum, outOfRange(name));
  }),
  ...WHOLE_NAMES.map((name) => {
    const [least, most] = WHOLES[name];
    return checkedNumber(name, least, most, `out of range (${least} to ${most})`);
  }),
  ...TEXTS.map((name) => {
    const fits = `length(${name}) <= ${TEXT_CHARACTERS_MAX}`;
    const reason = literal(`longer than ${TEXT_CHARACTERS_MAX} characters`);
    return { name, usable: fits, problem: `coalesce(NOT ${fits}, false)`, reason };
  }),
];

/** NaN is above every number in DuckDB, so that it is in no range. */
function checkedNumber(name: string, least: number, most: number, range: string): Checked {
  const usable = `${name} BETWEEN ${least} AND ${most}`;
  return {
    name,
    usable,
    problem: `(r.${name} IS NOT NULL AND NOT coalesce(${usable}, false))`,
    reason:
      `CASE WHEN ${name} IS NULL THEN ${literal(NOT_A_NUMBER)} ` +
      `WHEN lower(r.${name}) IN ('nan', '-nan') THEN ${literal(IS_NAN)} ` +
      `ELSE ${literal(range)} END`,
  };
}

/** The fields that the reader rejected, and those of the record that cannot be used, as JSON. */
function rejectedFieldsSql(): string {
  const own = CHECKED.map(
    ({ name, problem, reason }) =>
      `CASE WHEN ${problem} THEN {'field': '${name}', ` +
      `'value': left(r.${name}, ${FIELD_CHARACTERS_MAX}), 'reason': ${reason}} END`,
  );
  return (
    `CAST(to_json(list_concat(coalesce(from_json(r.rejected_fields, '${REJECTED_FIELD_TYPE}'), []), ` +
    `list_filter([${own.join(', ')}], lambda field: field IS NOT NULL))) AS VARCHAR)`
  );
}

/** A time without its offset to UTC is ambiguous, and so none. The usual form is tried first. */
function timeSql(name: string): string {
  return (
    `CASE WHEN right(r.${name}, 1) = 'Z' THEN TRY_CAST(r.${name} AS TIMESTAMPTZ) ` +
    `WHEN regexp_matches(r.${name}, '[+-]\\d\\d:?\\d\\d$') ` +
    `THEN TRY_CAST(r.${name} AS TIMESTAMPTZ) END AS ${name}`
  );
}

/** Condition, and what to say when it holds; the first that holds decides. */
function reasons(simulated: boolean): (readonly [string, string])[] {
  return [
    [`coalesce(city_id, '') = ''`, 'city_id is missing'],
    [`NOT regexp_full_match(city_id, '[a-z0-9][a-z0-9._-]{0,63}')`, 'city_id is not an id'],
    [`coalesce(source, '') = ''`, 'source is missing'],
    [
      `length(source) > ${TEXT_CHARACTERS_MAX}`,
      `source is longer than ${TEXT_CHARACTERS_MAX} characters`,
    ],
    ...TIMES.flatMap((name) => [
      [`r.${name} IS NULL`, `${name} is missing`] as const,
      [
        `${name} IS NULL OR NOT isfinite(${name})`,
        `${name} is not a time with its offset`,
      ] as const,
    ]),
    [`observed_at < TIMESTAMPTZ '${OBSERVED_AT_MIN}'`, 'observed_at is before 1950'],
    [
      `observed_at > collected_at + INTERVAL ${CLOCK_SKEW_S_MAX} SECOND`,
      `observed_at is more than ${CLOCK_SKEW_S_MAX / 60} minutes after collected_at`,
    ],
    ...NUMBERING.map(
      (name) =>
        [
          `r.${name} IS NOT NULL AND coalesce(${name} < 1, true)`,
          `${name} is not a number above 0`,
        ] as const,
    ),
    simulated
      ? [`source <> 'simulator'`, 'real record in a table of simulated data']
      : [`source = 'simulator'`, 'simulated record in a table of real data'],
  ];
}

/** Reasons of records that are not even objects; they come before the reader's own. */
const UNREADABLE: readonly (readonly [string, string])[] = [
  ['kind = 2', 'not UTF-8'],
  ['kind = 3', 'longer than 1 MiB'],
  ['r IS NULL AND NOT json_valid(text)', 'not JSON'],
  [`r IS NULL OR (r.city_id IS NULL AND json_type(text) <> 'OBJECT')`, 'not a JSON object'],
];

function reasonSql(simulated: boolean): string {
  const when = ([condition, text]: readonly [string, string]) =>
    `WHEN ${condition} THEN 'invalid: ${text}'`;
  const given = `WHEN r.invalid IS NOT NULL THEN 'invalid: ' || left(r.invalid, 256)`;
  return `CASE ${UNREADABLE.map(when).join('\n')} ${given} ${reasons(simulated).map(when).join('\n')} END`;
}
