/**
 * The SQL that turns staged records into rows, or into reasons why they are none.
 *
 * Validity is decided here and nowhere else, from the record alone: what a field may be comes from
 * the table of variables, so that a variable more is a line there.
 */
import {
  CLOCK_SKEW_S_MAX,
  CONTENT_COLUMNS,
  OBSERVED_AT_MIN,
  TEXT_CHARACTERS_MAX,
} from '../model/observation.ts';
import { VARIABLE_NAMES, VARIABLES } from '../model/variables.ts';
import { fileLiteral } from '../sql/text.ts';

const TEXTS = ['city_id', 'city', 'country', 'source', 'condition'] as const;
const WHOLES = ['interval_s', 'condition_id', 'utc_offset_s', 'provider_city_id'] as const;
const FIELDS = [
  ...TEXTS,
  'observed_at',
  'collected_at',
  ...WHOLES,
  ...VARIABLE_NAMES,
  'response',
  'invalid',
] as const;

/** Every field as text: a value of another type is then told from one that is not there. */
const SHAPE = JSON.stringify(Object.fromEntries(FIELDS.map((name) => [name, 'VARCHAR'])));

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
  const wholes = WHOLES.map((name) => `TRY_CAST(r.${name} AS BIGINT) AS ${name}`);
  const numbers = VARIABLE_NAMES.map((name) => `TRY_CAST(r.${name} AS DOUBLE) AS ${name}`);
  return `
    CREATE OR REPLACE TEMP TABLE parsed AS
    WITH staged AS (${stagedSql(file)}),
    read AS (
      SELECT *, CASE WHEN json_valid(text) THEN from_json(text, '${SHAPE}') END AS r FROM staged
    ),
    typed AS (
      SELECT
        log_offset, kind, length, sha256, text, hex, r,
        ${TEXTS.map((name) => `r.${name} AS ${name}`).join(', ')},
        ${timeSql('observed_at')}, ${timeSql('collected_at')},
        ${wholes.join(', ')},
        ${numbers.join(', ')},
        r.response AS response
      FROM read
    )
    SELECT
      * EXCLUDE (r),
      ${reasonSql(simulated)} AS reason,
      ${contentHashSql('')} AS content_hash
    FROM typed`;
}

/** A number that stands for the content columns of a row. */
export function contentHashSql(prefix: string): string {
  const texts = CONTENT_COLUMNS.map((name) => `coalesce(CAST(${prefix}"${name}" AS VARCHAR), '')`);
  return `md5_number_lower(concat_ws('|', ${texts.join(', ')}))`;
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
    ['kind = 2', 'not UTF-8'],
    ['kind = 3', 'longer than 1 MiB'],
    ['r IS NULL AND NOT json_valid(text)', 'not JSON'],
    [`r IS NULL OR (r.city_id IS NULL AND json_type(text) <> 'OBJECT')`, 'not a JSON object'],
    [`coalesce(city_id, '') = ''`, 'city_id is missing'],
    [`NOT regexp_full_match(city_id, '[a-z0-9][a-z0-9._-]{0,63}')`, 'city_id is not an id'],
    [`coalesce(source, '') = ''`, 'source is missing'],
    ...TEXTS.map(
      (name) =>
        [
          `length(${name}) > ${TEXT_CHARACTERS_MAX}`,
          `${name} is longer than ${TEXT_CHARACTERS_MAX} characters`,
        ] as const,
    ),
    ...(['observed_at', 'collected_at'] as const).flatMap((name) => [
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
    simulated
      ? [`source <> 'simulator'`, 'real record in a table of simulated data']
      : [`source = 'simulator'`, 'simulated record in a table of real data'],
    ...WHOLES.map((name) => notANumber(name)),
    ['NOT interval_s BETWEEN 1 AND 31536000', 'interval_s is out of range'],
    ['abs(utc_offset_s) > 64800', 'utc_offset_s is out of range'],
    ['abs(condition_id) > 2147483647', 'condition_id is out of range'],
    ...VARIABLE_NAMES.flatMap((name) => {
      const { minimum, maximum } = VARIABLES[name];
      return [
        notANumber(name),
        [
          `NOT ${name} BETWEEN ${minimum} AND ${maximum}`,
          `${name} is out of range (${minimum} to ${maximum})`,
        ] as const,
      ];
    }),
  ];
}

function notANumber(name: string): readonly [string, string] {
  return [`r.${name} IS NOT NULL AND ${name} IS NULL`, `${name} is not a number`];
}

function reasonSql(simulated: boolean): string {
  const [broken, rest] = [reasons(simulated).slice(0, 4), reasons(simulated).slice(4)];
  const when = ([condition, text]: readonly [string, string]) =>
    `WHEN ${condition} THEN 'invalid: ${text}'`;
  // The collector's own word about a record that it could not read comes before ours.
  const told = `WHEN r.invalid IS NOT NULL THEN 'invalid: ' || left(r.invalid, 256)`;
  return `CASE ${broken.map(when).join('\n')} ${told} ${rest.map(when).join('\n')} END`;
}
