import type { MonthlySummary } from '../../src/model/climate-datasets.ts';
import type { VariableName } from '../../src/model/variables.ts';
import type { Store } from '../client/store.ts';
import { formatCount, formatNumber, formatSigned } from '../format/numbers.ts';
import { formatDay, formatMonthOfYear, zoneOf } from '../format/times.ts';
import {
  formatBare,
  formatTemperatureDifference,
  temperatureUnit,
  type Units,
} from '../format/units.ts';
import { Panel } from '../panel/panel.tsx';
import { type Column, Row, Table } from '../panel/table.tsx';
import { type ClimateList, rowsOf } from './climate-list.ts';
import { climateWords } from './climate-words.ts';
import { type Compared, lengthOf, type UsualMonth, usualOf } from './usual-month.ts';

interface MonthProps {
  readonly store: Store;
  readonly list: ClimateList;
}

/** The newest month of the city beside what is usual in it. */
export function MonthPanel({ store, list }: MonthProps) {
  const say = climateWords.value;
  const city = store.focus.value;
  const months = rowsOf(list.months.answer.value?.data, city?.city_id);
  const month = months.at(-1);
  const name = month === undefined ? '' : formatMonthOfYear(timeOf(`${month.month}-01`), 'UTC');
  return (
    <Panel
      id="climate-month"
      title={month === undefined ? say.month.plain : say.month.title(name)}
      subtitle={`${city?.name ?? ''}${month === undefined ? '' : `, ${daysOf(month)}`}`}
      store={store}
      resource={list.months}
      height={320}
      emptyText={say.none}
      isEmpty={() => month === undefined}
    >
      {() => {
        if (month === undefined) return null;
        const usual = usualOf(months, month);
        return (
          <>
            <p class="quiet">{basisOf(usual)}</p>
            <Values store={store} month={month} usual={usual} />
          </>
        );
      }}
    </Panel>
  );
}

function timeOf(date: string): number {
  return Date.parse(`${date}T00:00:00Z`);
}

function daysOf(month: MonthlySummary): string {
  const complete = formatCount(month.complete_day_count);
  return climateWords.value.month.days(complete, formatCount(lengthOf(month)));
}

/** How many years stand behind what is usual, and what that makes it. */
function basisOf({ years, basis }: UsualMonth): string {
  const say = climateWords.value;
  const [from, to] = [years[0], years.at(-1)];
  if (from === undefined || to === undefined) return say.month.noUsual;
  const text =
    years.length === 1
      ? say.month.one(String(from))
      : say.month.usual(formatCount(years.length), String(from), String(to));
  return `${text} (${say.basis[basis]})`;
}

interface ValuesProps {
  readonly store: Store;
  readonly month: MonthlySummary;
  readonly usual: UsualMonth;
}

function Values({ store, month, usual: { means: usual } }: ValuesProps) {
  const { units, clock } = store.address.view.value;
  const say = climateWords.value;
  const of = say.month;
  const columns: readonly Column[] = [
    [of.what],
    [of.now, 'number'],
    [of.mean, 'number'],
    [of.difference, 'number'],
  ];
  const zone = zoneOf(clock, store.focus.value?.time_zone);
  const extreme = (value: number | null, at: string | null) => (
    <>
      {formatBare(value, 'temperature_c', units)}
      {at !== null && <small>{formatDay(Date.parse(at), zone, store.clock.now.peek())}</small>}
    </>
  );
  const degrees = temperatureUnit(units);
  const means: readonly (readonly [string, Compared])[] = [
    [`${of.temperature}, ${degrees}`, 'temperature_c_mean'],
    [`${of.highs}, ${degrees}`, 'temperature_c_max_mean'],
    [`${of.lows}, ${degrees}`, 'temperature_c_min_mean'],
    [`${of.humidity}, %`, 'humidity_pct_mean'],
    [`${of.pressure}, hPa`, 'pressure_hpa_mean'],
  ];
  const counts = ['frost_day', 'summer_day', 'hot_day'] as const;
  return (
    <Table label={of.plain} class="fits" columns={columns}>
      {means.map(([name, key]) => (
        <Row
          key={key}
          columns={columns}
          cells={[name, ...compare(key, month[key], usual[key], units)]}
        />
      ))}
      {(['max', 'min'] as const).map((end) => (
        <Row
          key={end}
          columns={columns}
          cells={[
            `${end === 'max' ? of.highest : of.lowest}, ${degrees}`,
            extreme(month[`temperature_c_${end}`], month[`temperature_c_${end}_at`]),
            '',
            '',
          ]}
        />
      ))}
      {counts.map((kind) => {
        const [now, mean] = [month[`${kind}_count`], usual[`${kind}_count`]];
        const cells = [
          now === null ? '–' : formatCount(now),
          mean === null ? '–' : formatNumber(mean, 1),
          now === null || mean === null ? '–' : formatSigned(now - mean, 1),
        ];
        return <Row key={kind} columns={columns} cells={[say.kinds[kind], ...cells]} />;
      })}
      {month.rain_mm !== null && (
        <Row
          columns={columns}
          cells={[`${of.rain}, mm`, ...compare('rain_1h_mm', month.rain_mm, usual.rain_mm, units)]}
        />
      )}
    </Table>
  );
}

/** The month's value, the usual one and the difference; of a temperature in the chosen unit. */
function compare(key: string, now: unknown, usual: unknown, units: Units): string[] {
  const name = /^(temperature_c|humidity_pct|pressure_hpa|rain_1h_mm)/.exec(
    key,
  )?.[0] as VariableName;
  const [value, mean] = [now, usual].map((one) => (typeof one === 'number' ? one : null));
  const isBoth = typeof value === 'number' && typeof mean === 'number';
  const difference = isBoth ? value - mean : Number.NaN;
  return [
    formatBare(value, name, units),
    formatBare(mean, name, units),
    !isBoth
      ? '–'
      : name === 'temperature_c'
        ? formatTemperatureDifference(difference, units)
        : formatSigned(difference, 1),
  ];
}
