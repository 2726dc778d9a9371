/** The chart of an incident's time, its messages, and the values that caused it. */
import type { Incident } from '../../src/model/alerts.ts';
import { VARIABLE_NAMES } from '../../src/model/variables.ts';
import type { Store } from '../client/store.ts';
import { formatNumber } from '../format/numbers.ts';
import { formatTime } from '../format/times.ts';
import { formatValue } from '../format/units.ts';
import { type Column, Row, Table } from '../panel/table.tsx';
import { words } from '../words/words.ts';
import { IncidentChart } from './incident-chart.tsx';
import { zoneOfIncident } from './subject.ts';

interface DetailsProps {
  readonly store: Store;
  readonly incident: Incident;
}

export function IncidentDetails({ store, incident }: DetailsProps) {
  const say = words.value.incidents;
  const { note, acknowledged_by } = incident;
  return (
    <>
      {note !== null && (
        <p class="incident-note">
          <b>{say.noteOf(acknowledged_by ?? '–')}:</b> {note}
        </p>
      )}
      <IncidentChart store={store} incident={incident} />
      <div class="incident-tables">
        <Messages store={store} incident={incident} />
        <Evidence store={store} incident={incident} />
      </div>
    </>
  );
}

function Messages({ store, incident }: DetailsProps) {
  const say = words.value.incidents;
  if (incident.notified.length === 0) return null;
  const zone = zoneOfIncident(store, incident);
  const now = store.clock.now.peek();
  const columns: readonly Column[] = [
    [words.value.panel.time],
    [say.kind],
    [say.channel],
    [say.state],
  ];
  return (
    <Table label={say.messages} captioned tall columns={columns}>
      {incident.notified.map(({ at, kind, number, channel, state }) => {
        const cells = [
          formatTime(Date.parse(at), zone, now),
          number > 1 ? `${say.kinds[kind]} ${number}` : say.kinds[kind],
          channel,
          say.states[state],
        ];
        return <Row key={`${channel} ${kind} ${number} ${at}`} columns={columns} cells={cells} />;
      })}
    </Table>
  );
}

function Evidence({ store, incident }: DetailsProps) {
  const { evidence, unit } = incident;
  if (evidence.length === 0) return null;
  const say = words.value.incidents;
  const { units } = store.address.view.value;
  const zone = zoneOfIncident(store, incident);
  const now = store.clock.now.peek();
  const variable = VARIABLE_NAMES.find((name) => name === incident.variable);
  const text = (value: number | null) => {
    if (variable !== undefined) return formatValue(value, variable, units);
    return value === null ? '–' : `${formatNumber(value, 1)} ${unit ?? ''}`;
  };
  const columns: readonly Column[] = [[words.value.panel.time], [say.value, 'number']];
  return (
    <Table label={say.evidence} captioned tall columns={columns}>
      {evidence.toReversed().map(({ at, value }, place) => {
        const cells = [formatTime(Date.parse(at), zone, now), text(value)];
        return <Row key={`${at} ${place}`} columns={columns} cells={cells} />;
      })}
    </Table>
  );
}
