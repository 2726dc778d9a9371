/** The sheet of the incidents: open ones, resolved ones by day, the rules and the silences. */
import type { Incident } from '../../src/model/alerts.ts';
import { seesAll } from '../account/account.ts';
import type { Store } from '../client/store.ts';
import { formatDay, zoneWithoutCity } from '../format/times.ts';
import { Pages } from '../panel/pages.tsx';
import { Panel } from '../panel/panel.tsx';
import { words } from '../words/words.ts';
import { AvailabilityPanel } from './availability-panel.tsx';
import { IncidentEntry } from './incident-entry.tsx';
import { RulesPanel } from './rules-panel.tsx';
import { SilencesPanel } from './silences-panel.tsx';
import './incidents.css';

interface StoreProps {
  readonly store: Store;
}

export function IncidentsSheet({ store }: StoreProps) {
  return (
    <>
      <Chosen store={store} />
      <Active store={store} />
      <Resolved store={store} />
      <AvailabilityPanel store={store} />
      <SilencesPanel store={store} />
      {seesAll.value && <RulesPanel store={store} />}
    </>
  );
}

/** The incident of a link that is on no page of the lists that are shown. */
function Chosen({ store }: StoreProps) {
  const { active, resolved, chosen } = store.incidents;
  const id = store.address.view.value.incident;
  const lists = [active.answer.value, resolved.answer.value];
  const isListed = lists.some((answer) =>
    answer?.data.some(({ incident_id }) => incident_id === id),
  );
  if (id === null || isListed || lists.includes(null)) return null;
  return (
    <Panel
      id="incident"
      title={words.value.incidents.chosen}
      store={store}
      resource={chosen}
      height={120}
      rows={null}
    >
      {({ data }) => <Entries store={store} incidents={data} level={3} />}
    </Panel>
  );
}

function Active({ store }: StoreProps) {
  const say = words.value.incidents;
  return (
    <Panel
      id="incidents"
      title={say.title}
      subtitle={say.subtitle}
      store={store}
      resource={store.incidents.active}
      height={160}
      rows={null}
      isEmpty={() => false}
    >
      {({ data }) =>
        data.length === 0 ? (
          <p class="good-news">● {say.none}</p>
        ) : (
          <Entries store={store} incidents={data.toSorted(byUrgency)} level={3} />
        )
      }
    </Panel>
  );
}

const URGENCY = { critical: 0, warning: 1, info: 2 } as const;

/** Those that wait for people first, then the worst, then the newest. */
function byUrgency(a: Incident, b: Incident): number {
  const waits = ({ state }: Incident) => (state === 'open' ? 0 : 1);
  return (
    waits(a) - waits(b) ||
    URGENCY[a.severity] - URGENCY[b.severity] ||
    Date.parse(b.opened_at) - Date.parse(a.opened_at)
  );
}

function Resolved({ store }: StoreProps) {
  const say = words.value.incidents;
  const { resolved, cursors } = store.incidents;
  const { clock } = store.address.view.value;
  const zone = zoneWithoutCity(clock);
  return (
    <Panel
      id="resolved"
      title={say.resolved}
      subtitle={say.resolvedOn}
      store={store}
      resource={resolved}
      height={160}
      rows={null}
      emptyText={say.noResolved}
    >
      {({ meta, data }) => {
        const dayOf = ({ opened_at }: Incident) =>
          formatDay(Date.parse(opened_at), zone, store.clock.now.peek());
        return (
          <>
            {[...Map.groupBy(data, dayOf)].map(([day, incidents]) => (
              <section key={day}>
                <h3 class="incident-day">{day}</h3>
                <Entries store={store} incidents={incidents} level={4} />
              </section>
            ))}
            <Pages label={say.pages} cursors={cursors} next={meta.next_cursor} />
          </>
        );
      }}
    </Panel>
  );
}

interface EntriesProps extends StoreProps {
  readonly incidents: readonly Incident[];
  readonly level: 3 | 4;
}

function Entries({ store, incidents, level }: EntriesProps) {
  return (
    <ul class="incidents">
      {incidents.map((incident) => (
        <IncidentEntry key={incident.incident_id} store={store} incident={incident} level={level} />
      ))}
    </ul>
  );
}
