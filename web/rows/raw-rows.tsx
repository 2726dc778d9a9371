import { useSignal } from '@preact/signals';
import { Fragment } from 'preact';
import type { ObservationRow } from '../../src/api/schemas.ts';
import { withLimit } from '../client/fetching.ts';
import type { Store } from '../client/store.ts';
import { formatAge } from '../format/ages.ts';
import { formatCount } from '../format/numbers.ts';
import { formatTime, zoneOf } from '../format/times.ts';
import { formatDegrees, formatValue, temperatureUnit } from '../format/units.ts';
import { Panel } from '../panel/panel.tsx';
import { ScrollTable } from '../panel/scroll-table.tsx';
import { TimeCell } from '../panel/time-cell.tsx';
import { formatWind } from '../wind/wind.ts';
import { words } from '../words/words.ts';

const COLUMNS = 8;
/** Rows of a file, from the first one of the page. */
const FILE_ROWS = 1_000;

/** The rows of the table as they are, each with where it comes from and the provider's own answer. */
export function RawRows({ store }: { readonly store: Store }) {
  const { units } = store.address.view.value;
  const cities = store.compared.value.map(({ name }) => name).join(', ');
  const { panel, rows: say, variables } = words.value;
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
          <ScrollTable label={say.title}>
            <table>
              <caption class="unseen">{say.caption}</caption>
              <thead>
                <tr>
                  <th scope="col">{panel.time}</th>
                  <th scope="col">{panel.city}</th>
                  <th scope="col" class="number">
                    {variables.temperature_c}
                  </th>
                  <th scope="col" class="number">
                    {variables.humidity_pct}
                  </th>
                  <th scope="col" class="number">
                    {variables.pressure_hpa}
                  </th>
                  <th scope="col" class="number">
                    {panel.wind}
                  </th>
                  <th scope="col">{say.condition}</th>
                  <th scope="col">
                    <span class="unseen">{say.origin}</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {answer.data.map((row) => (
                  <RawRow key={`${row.city_id} ${row.observed_at}`} store={store} row={row} />
                ))}
              </tbody>
            </table>
          </ScrollTable>
          <Pages store={store} next={answer.meta.next_cursor} />
        </>
      )}
    </Panel>
  );
}

function RawRow({ store, row }: { readonly store: Store; readonly row: ObservationRow }) {
  const open = useSignal(false);
  const { units, clock } = store.address.view.value;
  const city = store.shown.value.find(({ city_id }) => city_id === row.city_id);
  const zone = zoneOf(clock, city?.time_zone);
  const observed = Date.parse(row.observed_at);
  const time = formatTime(observed, zone, store.clock.now.peek());
  return (
    <Fragment>
      <tr>
        <th scope="row">
          <TimeCell at={row.observed_at} zone={zone} store={store} mixed={clock === 'city'} />
        </th>
        <td>{row.city}</td>
        <td class="number">{formatDegrees(row.temperature_c, units)}</td>
        <td class="number">{formatValue(row.humidity_pct, 'humidity_pct', units)}</td>
        <td class="number">{formatValue(row.pressure_hpa, 'pressure_hpa', units)}</td>
        <td class="number">{formatWind(row.wind_speed_ms, row.wind_direction_deg)}</td>
        <td>{row.condition ?? '–'}</td>
        <td>
          <button
            type="button"
            class="link"
            aria-expanded={open.value}
            aria-label={words.value.rows.originOf(row.city, time)}
            onClick={() => {
              open.value = !open.value;
            }}
          >
            {words.value.rows.origin}
          </button>
        </td>
      </tr>
      {open.value && <Origin row={row} />}
    </Fragment>
  );
}

/** Where a row comes from, down to the very characters that the provider sent. */
function Origin({ row }: { readonly row: ObservationRow }) {
  const say = words.value.rows;
  const delay = (Date.parse(row.collected_at) - Date.parse(row.observed_at)) / 1_000;
  return (
    <tr class="origin">
      <td colSpan={COLUMNS}>
        <dl>
          <Entry name={say.observedAt} text={row.observed_at} />
          <Entry name={say.collectedAt} text={row.collected_at} />
          <Entry name={say.delay} text={delay <= 0 ? '–' : formatAge(delay)} />
          <Entry name={say.source} text={row.source} />
          <Entry name={say.cityId} text={row.city_id} />
          <Entry name={say.providerId} text={String(row.provider_city_id ?? '–')} />
          <Entry name={say.log} text={row.log_id} />
          <Entry name={say.partition} text={String(row.log_partition)} />
          <Entry name={say.offset} text={String(row.log_offset)} />
        </dl>
        {row.response === null ? (
          <p class="quiet">{say.imported}</p>
        ) : (
          <pre>{indent(row.response)}</pre>
        )}
      </td>
    </tr>
  );
}

function Entry({ name, text }: { readonly name: string; readonly text: string }) {
  return (
    <div>
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

function Pages({ store, next }: { readonly store: Store; readonly next: string | null }) {
  const cursors = store.rowsCursors.value;
  if (cursors.length === 0 && next === null) return null;
  const say = words.value.rows;
  return (
    <nav class="pages" aria-label={say.pages}>
      <button
        type="button"
        class="plain"
        disabled={cursors.length === 0}
        onClick={() => {
          store.rowsCursors.value = cursors.slice(0, -1);
        }}
      >
        {say.newer}
      </button>
      <span class="quiet">{say.page(formatCount(cursors.length + 1))}</span>
      <button
        type="button"
        class="plain"
        disabled={next === null}
        onClick={() => {
          if (next !== null) store.rowsCursors.value = [...cursors, next];
        }}
      >
        {say.older}
      </button>
    </nav>
  );
}
