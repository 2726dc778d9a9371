/** One incident: what is the matter, and what people do about it. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Incident } from '../../src/model/alerts.ts';
import { mayOperate } from '../account/account.ts';
import type { Trouble } from '../client/fetching.ts';
import { chooseView, type Store } from '../client/store.ts';
import { formatView } from '../client/view.ts';
import { formatAge } from '../format/ages.ts';
import { formatCount } from '../format/numbers.ts';
import { formatTimeShort } from '../format/times.ts';
import { TroubleNote } from '../panel/trouble-note.tsx';
import { words } from '../words/words.ts';
import { AcknowledgeWindow } from './acknowledge-window.tsx';
import { silence } from './acting.ts';
import { IncidentDetails } from './incident-details.tsx';
import { silencedUntil } from './incident-list.ts';
import { subjectOf, zoneOfIncident } from './subject.ts';

interface EntryProps {
  readonly store: Store;
  readonly incident: Incident;
}

const SHAPES = { info: '●', warning: '◆', critical: '▲' } as const;

export function IncidentEntry({ store, incident, level }: EntryProps & { readonly level: 3 | 4 }) {
  const { incident_id, severity, state, rule, summary } = incident;
  const say = words.value.incidents;
  const view = store.address.view.value;
  const isChosen = view.incident === incident_id;
  const place = useRef<HTMLLIElement>(null);
  useEffect(() => {
    // Where a link leads to; people who open it here are there already.
    if (isChosen && !place.current?.contains(document.activeElement)) {
      place.current?.scrollIntoView({ block: 'start' });
      place.current?.querySelector('a')?.focus({ preventScroll: true });
    }
  }, [isChosen]);
  const Heading = `h${level}` as const;
  const chosen = { ...view, incident: isChosen ? null : incident_id };
  return (
    <li
      ref={place}
      class={`incident incident-${state === 'resolved' ? 'over' : severity}`}
      id={`incident-${incident_id}`}
    >
      <p class="incident-kind">
        <b>
          <span aria-hidden="true">{SHAPES[severity]}</span> {say.severity[severity]}
        </b>
        <span>{subjectOf(store, incident)}</span>
        <code>{rule}</code>
      </p>
      <Heading>
        <a
          href={formatView(chosen)}
          aria-expanded={isChosen}
          aria-controls={`details-${incident_id}`}
          onClick={(event) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey) return;
            event.preventDefault();
            chooseView(store, { incident: chosen.incident });
          }}
        >
          <span lang="en">{summary}</span> <span class="unseen">{say.details}</span>
        </a>
      </Heading>
      <Facts store={store} incident={incident} />
      {state !== 'resolved' && <Actions store={store} incident={incident} />}
      <div id={`details-${incident_id}`}>
        {isChosen && <IncidentDetails store={store} incident={incident} />}
      </div>
    </li>
  );
}

function Facts({ store, incident }: EntryProps) {
  const { began_at, resolved_at, acknowledged_at, acknowledged_by, inhibited_by } = incident;
  const say = words.value.incidents;
  const now = store.clock.now.value;
  const zone = zoneOfIncident(store, incident);
  const time = (text: string) => formatTimeShort(Date.parse(text), zone, now);
  const end = resolved_at === null ? now : Date.parse(resolved_at);
  const age = formatAge((end - Date.parse(began_at)) / 1_000);
  const silenced =
    resolved_at === null
      ? silencedUntil(incident, store.incidents.silences.answer.value?.data ?? [])
      : null;
  const facts = [
    resolved_at === null
      ? say.since(time(began_at), age)
      : say.between(time(began_at), time(resolved_at), age),
    acknowledged_at === null
      ? null
      : say.acknowledgedBy(acknowledged_by ?? '–', time(acknowledged_at)),
    silenced === null ? null : say.silencedUntil(time(silenced)),
    inhibited_by === null ? null : say.inhibitedBy(inhibited_by),
    messagesOf(incident),
  ];
  return (
    <ul class="incident-facts">
      {facts
        .filter((fact) => fact !== null)
        .map((fact) => (
          <li key={fact}>{fact}</li>
        ))}
    </ul>
  );
}

function messagesOf({ notified }: Incident): string {
  const say = words.value.incidents;
  const count = (wanted: string) => notified.filter(({ state }) => state === wanted).length;
  const parts = [
    [count('sent'), say.sent],
    [count('waiting'), say.waiting],
    [count('given_up'), say.givenUp],
  ] as const;
  const said = parts.flatMap(([number, text]) => (number > 0 ? text(formatCount(number)) : []));
  return `${say.messages}: ${said.length === 0 ? say.noMessage : said.join(', ')}`;
}

const SPANS = ['1h', '8h', '1d'] as const;

function Actions({ store, incident }: EntryProps) {
  const say = words.value.incidents;
  const isAsking = useSignal(false);
  const trouble = useSignal<Trouble | null>(null);
  const { rule, city_id, state, summary } = incident;
  const subject = subjectOf(store, incident);
  if (!mayOperate.value) return null;
  return (
    <>
      <div class="incident-actions">
        {state === 'open' && (
          <button
            type="button"
            class="plain"
            aria-label={say.acknowledgeOf(summary)}
            aria-haspopup="dialog"
            onClick={() => {
              isAsking.value = true;
            }}
          >
            {say.acknowledge}
          </button>
        )}
        <fieldset class="choice">
          <legend class="unseen">{say.silenceOf(rule, subject)}</legend>
          <span aria-hidden="true">{say.silence}</span>
          {SPANS.map((span) => (
            <button
              key={span}
              type="button"
              aria-label={`${say.silence} ${say.spans[span]}`}
              onClick={async () => {
                const city = city_id === null ? {} : { city: city_id };
                trouble.value = await silence(store, { rule, ...city, for: span });
              }}
            >
              {say.spans[span]}
            </button>
          ))}
        </fieldset>
      </div>
      <TroubleNote trouble={trouble.value} />
      {isAsking.value && <AcknowledgeWindow store={store} incident={incident} open={isAsking} />}
    </>
  );
}
