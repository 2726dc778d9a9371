/** A table as a Parquet file: typed columns, Snappy, and in its notes what is to be known of it. */
import { parquetWriteBuffer } from 'hyparquet-writer';
import type { Column, ColumnType } from './columns.ts';

type SchemaElement = NonNullable<Parameters<typeof parquetWriteBuffer>[0]['schema']>[number];

const TYPES: Readonly<Record<ColumnType, Omit<SchemaElement, 'name'>>> = {
  boolean: { type: 'BOOLEAN' },
  integer: { type: 'INT64' },
  number: { type: 'DOUBLE' },
  time: {
    type: 'INT64',
    converted_type: 'TIMESTAMP_MILLIS',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MILLIS' },
  },
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
};

/**
 * Columns of the types that are given, whatever the rows hold: a column without a value has one,
 * too. Times are instants in UTC, to the millisecond.
 */
export function formatParquet(
  columns: readonly Column[],
  rows: readonly Readonly<Record<string, unknown>>[],
  notes: Readonly<Record<string, unknown>>,
): Buffer {
  const columnData = columns.map(({ name, type }) => ({
    name,
    data: rows.map((row) => convert(row[name], type)),
  }));
  const schema: SchemaElement[] = [
    { name: 'schema', num_children: columns.length },
    ...columns.map(({ name, type }) => ({
      name,
      repetition_type: 'OPTIONAL' as const,
      ...TYPES[type],
    })),
  ];
  const kvMetadata = [{ key: 'isobar', value: JSON.stringify(notes) }];
  return Buffer.from(parquetWriteBuffer({ columnData, schema, kvMetadata, createdBy: 'isobar' }));
}

function convert(value: unknown, type: ColumnType): unknown {
  if (value === null || value === undefined) return null;
  if (type === 'integer') return BigInt(value as number);
  if (type === 'time') return new Date(String(value));
  if (type !== 'text' || typeof value === 'string') return value;
  return JSON.stringify(value);
}
