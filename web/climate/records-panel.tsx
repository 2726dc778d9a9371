import { useSignal } from '@preact/signals';
import type { WeatherRecord } from '../../src/model/climate-datasets.ts';
import { isVariableName, VARIABLE_NAMES, type VariableName } from '../../src/model/variables.ts';
import type { Store } from '../client/store.ts';
import { formatCount } from '../format/numbers.ts';
import { formatDay, formatMonth, formatTime, zoneOf } from '../format/times.ts';
import { formatValue } from '../format/units.ts';
import { Select } from '../panel/choice.tsx';
import { Panel } from '../panel/panel.tsx';
import { type Column, Row, Table } from '../panel/table.tsx';
import { words } from '../words/words.ts';
import { type ClimateList, rowsOf } from './climate-list.ts';
import { climateWords } from './climate-words.ts';

/** The highest and the lowest value of each variable, of all months or of one of the year. */
export function RecordsPanel({
  store,
  list,
}: {
  readonly store: Store;
  readonly list: ClimateList;
}) {
  const month = useSignal('0');
  const say = climateWords.value.records;
  const all = rowsOf(list.records.answer.value?.data, store.focus.value?.city_id);
  const rows = all
    .filter(({ calendar_month }) => calendar_month === Number(month.value))
    .toSorted((a, b) => placeOf(a) - placeOf(b));
  const months = new Set(all.map(({ calendar_month }) => calendar_month));
  months.delete(0);
  return (
    <Panel
      id="climate-records"
      title={say.title}
      subtitle={`${store.focus.value?.name ?? ''}, ${say.subtitle}`}
      store={store}
      resource={list.records}
      height={260}
      emptyText={climateWords.value.none}
      isEmpty={() => all.length === 0}
    >
      {() => (
        <>
          <div class="choices">
            <Select
              label={say.month}
              options={[
                ['0', say.all],
                ...[...months]
                  .sort((a, b) => a - b)
                  .map(
                    (one) =>
                      [String(one), formatMonth(Date.UTC(2023, one - 1, 15), 'UTC')] as const,
                  ),
              ]}
              value={month.value}
              onChoose={(value) => {
                month.value = value;
              }}
            />
          </div>
          <Records store={store} rows={rows} />
        </>
      )}
    </Panel>
  );
}

/** As variables are ordered everywhere. */
function placeOf({ variable }: WeatherRecord): number {
  return VARIABLE_NAMES.indexOf(variable as VariableName);
}

function Records({
  store,
  rows,
}: {
  readonly store: Store;
  readonly rows: readonly WeatherRecord[];
}) {
  const { units, clock } = store.address.view.value;
  const say = climateWords.value.records;
  const zone = zoneOf(clock, store.focus.value?.time_zone);
  const now = store.clock.now.peek();
  const columns: readonly Column[] = [
    [say.variable],
    [say.highest, 'number'],
    [say.lowest, 'number'],
    [say.since, 'number'],
    [say.count, 'number'],
  ];
  return (
    <Table label={say.title} class="stacks" columns={columns}>
      {rows.map((row) => {
        const { variable, highest, highest_at, lowest, lowest_at } = row;
        if (!isVariableName(variable)) return null;
        const cell = (value: number | null, at: string | null) =>
          value === null ? (
            '–'
          ) : (
            <>
              {formatValue(value, variable, units)}
              {at !== null && <small>{formatTime(Date.parse(at), zone, now)}</small>}
            </>
          );
        return (
          <Row
            key={variable}
            columns={columns}
            cells={[
              words.value.variables[variable],
              cell(highest, highest_at),
              cell(lowest, lowest_at),
              formatDay(Date.parse(row.since), 'UTC', now),
              formatCount(row.observation_count),
            ]}
          />
        );
      })}
    </Table>
  );
}
