/** The columns of a table that is answered as a file, from the schema of its rows. */
import type { TObject, TSchema } from 'typebox';

export type ColumnType = 'boolean' | 'integer' | 'number' | 'time' | 'text';

export interface Column {
  readonly name: string;
  /** A time is a text of ISO 8601 in the rows; what is neither is written as JSON. */
  readonly type: ColumnType;
}

/** In the order of the schema; whether a value may be absent makes no difference. */
export function columnsOf({ properties }: TObject): readonly Column[] {
  return Object.entries(properties).map(([name, schema]) => ({ name, type: typeOf(schema) }));
}

/** The columns in their order, whatever else the engine gave. */
export function pickColumns<T extends object>(row: T, columns: readonly Column[]): T {
  const values = row as Readonly<Record<string, unknown>>;
  return Object.fromEntries(columns.map(({ name }) => [name, values[name] ?? null])) as T;
}

function typeOf(schema: TSchema): ColumnType {
  const { type, format, anyOf } = schema as {
    readonly type?: string;
    readonly format?: string;
    readonly anyOf?: readonly TSchema[];
  };
  if (anyOf !== undefined) {
    const known = anyOf.filter((one) => (one as { type?: string }).type !== 'null').map(typeOf);
    const [first = 'text', ...others] = new Set(known);
    return others.length === 0 ? first : 'text';
  }
  if (type === 'boolean' || type === 'integer' || type === 'number') return type;
  return type === 'string' && format === 'date-time' ? 'time' : 'text';
}
