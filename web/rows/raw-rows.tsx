import { useSignal } from '@preact/signals';
import { type ComponentChildren, Fragment } from 'preact';
import type { RawDataRow } from '../../src/api/schemas.ts';
import { zoneOfCity } from '../cities/find-city.ts';
import { withLimit } from '../client/fetching.ts';
import type { Store } from '../client/store.ts';
import { formatAge } from '../format/ages.ts';
import { formatTime } from '../format/times.ts';
import { formatDegrees, formatValue, temperatureUnit } from '../format/units.ts';
import { Pages } from '../panel/pages.tsx';
import { Panel } from '../panel/panel.tsx';
import { type Column, Row, Table } from '../panel/table.tsx';
import { TimeCell } from '../panel/time-cell.tsx';
import { SourceLink } from '../provenance/source-window.tsx';
import { formatWind } from '../wind/wind.ts';
import { words } from '../words/words.ts';

/** Rows of a file, from the first one of the page. */
const FILE_ROWS = 1_000;

/** The rows of the table as they are, each with where it comes from and the provider's own answer. */
export function RawRows({ store }: { readonly store: Store }) {
  const { units } = store.address.view.value;
  const cities = store.compared.value.map(({ name }) => name).join(', ');
  const { panel, rows: say, variables } = words.value;
  const columns: readonly Column[] = [
    [panel.time],
    [panel.city],
    [variables.temperature_c, 'number'],
    [variables.humidity_pct, 'number less'],
    [variables.pressure_hpa, 'number less'],
    [panel.wind, 'number less'],
    [say.condition, 'less'],
    [say.details, 'action'],
  ];
  return (
    <Panel
      id="rows"
      title={say.title}
      subtitle={say.subtitle(cities, temperatureUnit(units))}
      store={store}
      resource={store.rows}
      height={560}
      widen
      rows={withLimit(store.rows.path.value, FILE_ROWS)}
    >
      {(answer) => (
        <>
          <Table label={say.title} caption={say.caption} class="fits" columns={columns}>
            {answer.data.map((row) => (
              <RawRow key={`${row.city_id} ${row.observed_at}`} {...{ store, row, columns }} />
            ))}
          </Table>
          <Pages label={say.pages} cursors={store.rowsCursors} next={answer.meta.next_cursor} />
        </>
      )}
    </Panel>
  );
}

interface RawRowProps {
  readonly store: Store;
  readonly row: RawDataRow;
  readonly columns: readonly Column[];
}

function RawRow({ store, row, columns }: RawRowProps) {
  const open = useSignal(false);
  const { units, clock } = store.address.view.value;
  const zone = zoneOfCity(store, row.city_id);
  const time = formatTime(Date.parse(row.observed_at), zone, store.clock.now.peek());
  const cells = [
    <TimeCell key="time" {...{ zone, store }} at={row.observed_at} mixed={clock === 'city'} />,
    row.city,
    formatDegrees(row.temperature_c, units),
    formatValue(row.humidity_pct, 'humidity_pct', units),
    formatValue(row.pressure_hpa, 'pressure_hpa', units),
    formatWind(row.wind_speed_ms, row.wind_direction_deg),
    row.condition ?? '–',
    <button
      key="details"
      type="button"
      class="link"
      aria-expanded={open.value}
      aria-label={words.value.rows.detailsOf(row.city, time)}
      onClick={() => {
        open.value = !open.value;
      }}
    >
      {words.value.rows.details}
    </button>,
  ];
  return (
    <Fragment>
      <Row columns={columns} cells={cells} />
      {open.value && <Details {...{ row, columns, cells }} />}
    </Fragment>
  );
}

interface DetailsProps extends Omit<RawRowProps, 'store'> {
  readonly cells: readonly ComponentChildren[];
}

/** Where a row comes from, down to the very characters that the provider sent. */
function Details({ row, columns, cells }: DetailsProps) {
  const say = words.value.rows;
  const delay = (Date.parse(row.collected_at) - Date.parse(row.observed_at)) / 1_000;
  const origin: readonly (readonly [string, string])[] = [
    [say.observedAt, row.observed_at],
    [say.collectedAt, row.collected_at],
    [say.delay, delay <= 0 ? '–' : formatAge(delay)],
    [say.source, row.source],
    [say.cityId, row.city_id],
    [say.providerId, String(row.provider_city_id ?? '–')],
    [say.log, row.log_id],
    [say.partition, String(row.log_partition)],
    [say.offset, String(row.log_offset)],
    [say.trace, row.trace_id],
  ];
  return (
    <tr class="origin">
      <td colSpan={columns.length}>
        <dl>
          {columns.map(
            ([name, kind], place) =>
              kind?.endsWith('less') && (
                <Entry key={name} class="unless" name={name} text={cells[place]} />
              ),
          )}
          {origin.map(([name, text]) => (
            <Entry key={name} name={name} text={text} />
          ))}
        </dl>
        <p>
          <SourceLink
            dataset="observations"
            {...{ city_id: row.city_id, city: row.city, time: row.observed_at }}
          />
        </p>
        {row.response === null ? (
          <p class="quiet">{say.imported}</p>
        ) : (
          <pre>{indent(row.response)}</pre>
        )}
      </td>
    </tr>
  );
}

interface EntryProps {
  readonly name: string;
  readonly text: ComponentChildren;
  readonly class?: string;
}

function Entry({ name, text, class: kind }: EntryProps) {
  return (
    <div class={kind}>
      <dt>{name}</dt>
      <dd>{text}</dd>
    </div>
  );
}

/** JSON with line breaks; anything else as it came. */
function indent(response: string): string {
  try {
    return JSON.stringify(JSON.parse(response), null, 2);
  } catch {
    return response;
  }
}
