import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exampleIncident } from '../../src/alerts/testing/alerting.ts';
import type { Incident } from '../../src/model/alerts.ts';
import { type PastFault, problemsOf } from './incidents.ts';

const START = Date.parse('2026-03-01T00:00:00Z');
const SECOND = 1_000;

const killed: PastFault = {
  name: 'a broker is killed',
  begin: START + 500,
  end: START + 20 * SECOND,
  wellAt: START + 50 * SECOND,
};
const quick: PastFault = {
  name: 'the producer is killed',
  begin: START + 60 * SECOND,
  end: START + 60 * SECOND,
  wellAt: START + 70 * SECOND,
};

function incident(rule: string, from: number, to: number | null): Incident {
  const at = (second: number) => new Date(START + second * SECOND).toISOString();
  return exampleIncident({
    incident_id: `${rule}-${from}`,
    ...{ rule, city_id: null, opened_at: at(from), resolved_at: to === null ? null : at(to) },
  });
}

test('the incident of the fault, and others that it explains, are well', () => {
  const own = incident('kafka-in-trouble', 12, 35);
  assert.deepEqual(problemsOf([killed, quick], [own, incident('records-wait', 22, 30)]), []);
});

for (const { name, incidents, problem } of [
  { name: 'none', incidents: [], problem: /a broker is killed: no incident of kafka-in-trouble/ },
  {
    name: 'one that came too late',
    incidents: [incident('kafka-in-trouble', 45, 48)],
    problem: /no incident of kafka-in-trouble within 40 s/,
  },
  {
    name: 'one more without a fault',
    incidents: [incident('kafka-in-trouble', 12, 35), incident('kafka-in-trouble', 55, 58)],
    problem: /kafka-in-trouble-55 .* opened without a fault/,
  },
  {
    name: 'one more of a rule that the fault does not touch',
    incidents: [incident('kafka-in-trouble', 12, 35), incident('lake-fails', 15, 35)],
    problem: /lake-fails-15 .* opened during "a broker is killed"/,
  },
  {
    name: 'one more for a fault that none has to see',
    incidents: [incident('kafka-in-trouble', 12, 35), incident('records-wait', 65, 69)],
    problem: /records-wait-65 .* opened during "the producer is killed"/,
  },
  {
    name: 'one that is not resolved',
    incidents: [incident('kafka-in-trouble', 12, null)],
    problem: /kafka-in-trouble-12 .* not resolved/,
  },
  {
    name: 'two at once',
    incidents: [incident('kafka-in-trouble', 12, 35), incident('kafka-in-trouble', 34, 38)],
    problem: /kafka-in-trouble-34 .* while kafka-in-trouble-12 of the same rule was open/,
  },
]) {
  test(`incidents are wrong: ${name}`, () => {
    const problems = problemsOf([killed, quick], incidents);
    assert.equal(problems.length, 1, problems.join('\n'));
    assert.match(problems[0] ?? '', problem);
  });
}
