/** The file of alerts: what is wrong with it is said with its line. */
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { loadAlertFile } from './alert-file.ts';

const GOOD = `
default_channels: [ops]
channels:
  ops: { type: webhook, url: "http://127.0.0.1:9/hook" }
rules:
  - name: frost
    when: { kind: value, variable: temperature_c, below: 0, clear: 1 }
    for: 20m
    severity: critical
  - name: city-silent
    when: { kind: silent, after: 3h }
    enabled: false
`;

function load(text: string) {
  const path = join(mkdtempSync(join(tmpdir(), 'isobar-alerts-')), 'alerts.yaml');
  writeFileSync(path, text);
  return loadAlertFile(path);
}

function problems(text: string): string {
  try {
    load(text);
  } catch (error) {
    return (error as Error).message.replaceAll(/\S*alerts\.yaml/g, 'alerts.yaml');
  }
  return 'nothing';
}

describe('the file of alerts', () => {
  test('gives rules and channels', () => {
    const { rules, channels, defaultChannels } = load(GOOD);
    assert.deepEqual(
      rules.map(({ name }) => name),
      ['frost', 'city-silent'],
    );
    assert.deepEqual(
      channels.map(({ name, type }) => [name, type]),
      [['ops', 'webhook']],
    );
    assert.deepEqual(defaultChannels, ['ops']);
    assert.deepEqual(load('').rules, []);
  });

  for (const [what, from, to, pattern] of [
    [
      'a kind that is unknown',
      'kind: value',
      'kind: valeu',
      /line 7: rules\.0\.when\.kind: expected one of value, change/,
    ],
    [
      'a variable that is unknown',
      'temperature_c',
      'temprature',
      /line 7: rules\.0\.when\.variable: expected one of temperature_c, .*; got "temprature"/,
    ],
    [
      'a value without a threshold',
      'below: 0, clear: 1',
      '',
      /line 7: rules\.0\.when: expected above or below/,
    ],
    [
      'a clear value on the wrong side',
      'clear: 1',
      'clear: -1',
      /line 7: rules\.0\.when: expected clear \(-1\)/,
    ],
    [
      'a threshold that nothing reaches',
      'below: 0',
      'below: -200',
      /line 7: .*outside of what temperature_c can be/,
    ],
    [
      'a forecast of a variable that is not forecast',
      'kind: value, variable: temperature_c, below: 0, clear: 1',
      'kind: forecast, variable: rain_1h_mm, above: 5',
      /line 7: rules\.0\.when\.variable: expected one of temperature_c, .*; got "rain_1h_mm"/,
    ],
    [
      'a forecast farther ahead than forecasts go',
      'kind: value, variable: temperature_c, below: 0, clear: 1',
      'kind: forecast, variable: temperature_c, below: 0, within: 3d',
      /line 7: rules\.0\.when: expected within to be at most 48h/,
    ],
    [
      'a forecast without a threshold',
      'kind: value, variable: temperature_c, below: 0, clear: 1',
      'kind: forecast, variable: temperature_c',
      /line 7: rules\.0\.when: expected above or below/,
    ],
    [
      'a flag longer ago than flags are looked at',
      'kind: value, variable: temperature_c, below: 0, clear: 1',
      'kind: quality, within: 31d',
      /line 7: rules\.0\.when: expected within to be at most 30d/,
    ],
    [
      'a test that is not known',
      'kind: value, variable: temperature_c, below: 0, clear: 1',
      'kind: quality, test: range',
      /line 7: rules\.0\.when\.test: expected one of step, .*; got "range"/,
    ],
    [
      'an invalid duration',
      'for: 20m',
      'for: 20 minutes',
      /line 8: rules\.0\.for: expected a duration such as .*; got "20 minutes"$/,
    ],
    [
      'a duration without a unit',
      'for: 20m',
      'for: 20',
      /rules\.0\.for: expected a duration.*got 20$/,
    ],
    [
      'an unknown field',
      'severity: critical',
      'sevrity: critical',
      /^alerts\.yaml line 9: rules\.0\.sevrity: unknown field; did you mean severity\?$/,
    ],
    ['a field that is missing', ', after: 3h', '', /line 11: rules\.1\.when: missing: after$/],
    [
      'a channel with a problem, which is not unknown as well',
      'type: webhook',
      'type: pigeon',
      /^alerts\.yaml line 4: channels\.ops\.type: expected one of .*; got "pigeon"$/,
    ],
    [
      'a second rule of a name',
      'name: city-silent',
      'name: frost',
      /line 10: rules\.1\.name: a second rule frost/,
    ],
    [
      'an unknown channel',
      'default_channels: [ops]',
      'default_channels: [opz]',
      /line 2: default_channels: unknown channel opz; known: ops/,
    ],
    [
      'an unknown rule that should explain another',
      'enabled: false',
      'inhibited_by: [frots, frost]',
      /^alerts\.yaml line 12: rules\.1\.inhibited_by: unknown rule frots; known: frost, city-silent$/,
    ],
    ['an unknown section', 'rules:', 'rulez:', /line 5: rulez: unknown section/],
    ['text that is not YAML', 'rules:', 'rules: [', /line \d+: /],
  ] as const) {
    test(`names the line of ${what}`, () => {
      assert.match(problems(GOOD.replace(from, to)), pattern);
    });
  }

  test('a problem after a rule with another one has its own place', () => {
    const two = GOOD.replace('below: 0', 'bleow: 0').replace('enabled: false', 'channels: [opz]');
    assert.match(
      problems(two),
      /line 7: rules\.0\.when\.bleow: unknown field; expected one of kind, variable/,
    );
    assert.match(problems(two), /line 12: rules\.1\.channels: unknown channel opz; known: ops/);
  });

  test('a file that is missing is named with the setting', () => {
    assert.throws(() => loadAlertFile('/nonexistent/alerts.yaml'), /alerts\.file: .*alerts\.yaml/);
  });
});
