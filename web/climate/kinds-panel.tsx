import type { MonthlySummary } from '../../src/model/climate-datasets.ts';
import type { Store } from '../client/store.ts';
import { formatCount } from '../format/numbers.ts';
import { Panel } from '../panel/panel.tsx';
import { type Column, Row, Table } from '../panel/table.tsx';
import { type ClimateList, rowsOf, yearsOf } from './climate-list.ts';
import { climateWords } from './climate-words.ts';

const KINDS = [
  ...(['frost_day', 'ice_day', 'summer_day', 'hot_day', 'tropical_night', 'wet_day'] as const),
];

/** How many days of each kind each year had, and how much of it was observed. */
export function KindsPanel({ store, list }: { readonly store: Store; readonly list: ClimateList }) {
  const say = climateWords.value.kinds;
  const months = rowsOf(list.months.answer.value?.data, store.focus.value?.city_id);
  // Of most sources rain is not known.
  const kinds = KINDS.filter(
    (kind) => kind !== 'wet_day' || sumOf(months, 'wet_day_count') !== '–',
  );
  const columns: readonly Column[] = [
    [climateWords.value.year],
    ...kinds.map((kind) => [say[kind], 'number'] as const),
    [say.months, 'number'],
  ];
  return (
    <Panel
      id="climate-kinds"
      title={say.title}
      subtitle={`${store.focus.value?.name ?? ''}, ${say.subtitle}`}
      store={store}
      resource={list.months}
      height={320}
      emptyText={climateWords.value.none}
      isEmpty={() => months.length === 0}
    >
      {() => (
        <>
          <Table label={say.title} columns={columns}>
            {yearsOf(months).map((year) => {
              const own = months.filter(({ month }) => month.startsWith(`${year}-`));
              const full = own.filter(({ is_full }) => is_full).length;
              const cells = kinds.map((kind) => sumOf(own, `${kind}_count`));
              return (
                <Row
                  key={year}
                  columns={columns}
                  cells={[year, ...cells, `${formatCount(full)} / 12`]}
                />
              );
            })}
          </Table>
          <p class="quiet climate-note">{say.meaning}</p>
        </>
      )}
    </Panel>
  );
}

/** "–" where no month says anything of it. */
function sumOf(months: readonly MonthlySummary[], name: `${(typeof KINDS)[number]}_count`): string {
  const known = months.flatMap((month) => month[name] ?? []);
  return known.length === 0 ? '–' : formatCount(known.reduce((sum, one) => sum + one, 0));
}
