import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { QualityFlag } from '../../src/model/quality.ts';
import { describeFlag, stationsOf, worstFlags } from './flag.ts';

const flag = (more: Partial<QualityFlag>): QualityFlag => ({
  ...{ city_id: 'a', observed_at: '2024-05-01T00:00:00Z', variable: 'temperature_c' },
  ...{ test: 'step', verdict: 'suspect', value: 20, expected: 10, spread: null, compared: null },
  ...more,
});

test('a value with several flags counts once, and has failed if one of them says so', () => {
  const flags = [
    flag({}),
    flag({ test: 'spike', verdict: 'fail' }),
    flag({ variable: 'pressure_hpa' }),
  ];
  assert.deepEqual(
    worstFlags(flags).map(({ test: name, variable }) => [name, variable]),
    [
      ['spike', 'temperature_c'],
      ['step', 'pressure_hpa'],
    ],
  );
});

test('the stations with the most failed values come first', () => {
  const found = stationsOf([
    flag({ city_id: 'a' }),
    flag({ city_id: 'a', observed_at: '2024-04-30T00:00:00Z' }),
    flag({ city_id: 'b', test: 'spike', verdict: 'fail' }),
    flag({ city_id: 'b', test: 'step' }),
  ]);
  assert.deepEqual(
    found.map(({ cityId, failed, suspect, tests, last }) => [
      ...[cityId, failed, suspect, tests, last.observed_at],
    ]),
    [
      [
        'b',
        1,
        0,
        [
          ['spike', 1],
          ['step', 1],
        ],
        '2024-05-01T00:00:00Z',
      ],
      ['a', 0, 2, [['step', 2]], '2024-05-01T00:00:00Z'],
    ],
  );
});

test('what was found is said in the chosen unit; a humidity is compared as the dew point', () => {
  assert.equal(describeFlag(flag({}), 'c'), 'changed too fast from 10.0 °C');
  assert.equal(describeFlag(flag({ test: 'spike' }), 'f'), 'jumped away from 50.0 °F and back');
  const wet = flag({
    variable: 'humidity_pct',
    test: 'consistency',
    value: 20,
    expected: 8,
    compared: -3,
  });
  assert.equal(
    describeFlag(wet, 'c'),
    'the dew point is −3.0 °C with it; its neighbours make 8.0 °C likely',
  );
  assert.match(describeFlag(flag({ test: 'internal', variable: 'wind_gust_ms' }), 'c'), /gust/);
});
