/** A row of a table that makes no observation: what came is kept with the reason. */
import type { City } from '../model/city.ts';
import type { InvalidRecord } from '../model/observation.ts';
import { printable } from './input-file.ts';
import type { ImportedRecord } from './source.ts';
import type { InputTable } from './table.ts';

const INVALID_CHARACTERS_MAX = 256;
const DETAIL_CHARACTERS_MAX = 80;
const RESPONSE_CHARACTERS_MAX = 16 * 1024;

/** `reason (line 7 of hours.csv: detail)`; what came is kept with it. */
export function rejectRow(
  { table, source }: { readonly table: InputTable; readonly source: string },
  line: number,
  reason: string,
  row: readonly string[] | string,
  city: City | null,
  detail = '',
): ImportedRecord {
  const shown = printable(detail.slice(0, DETAIL_CHARACTERS_MAX));
  const place = `${table.counts} ${line} of ${printable(table.file.name).slice(-100)}`;
  const record: InvalidRecord = {
    invalid: `${reason} (${place}${shown === '' ? '' : `: ${shown}`})`.slice(
      0,
      INVALID_CHARACTERS_MAX,
    ),
    city_id: city?.city_id ?? '',
    collected_at: '1970-01-01T00:00:00Z',
    source,
    response: typeof row === 'string' ? cut(row) : rowText(table.names, row),
  };
  return { record, city };
}

/** The row as a JSON object; as a list of cells when they do not fit the columns. */
function rowText(names: readonly string[], cells: readonly string[]): string {
  if (cells.length !== names.length) return cut(JSON.stringify(cells));
  const pairs = cells.map(
    (cell, index) => `${JSON.stringify(names[index])}:${JSON.stringify(cell)}`,
  );
  return cut(`{${pairs.join(',')}}`);
}

function cut(text: string): string {
  return text.slice(0, RESPONSE_CHARACTERS_MAX).toWellFormed();
}
