import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IsobarError } from '../errors.ts';
import { loadConfig } from './load.ts';

function problemsOf(hdfs: Readonly<Record<string, string>>, engine = 'hdfs'): string {
  const settings = Object.entries(hdfs).map(([name, value]) => [`lake.hdfs.${name}`, value]);
  const flags = { 'lake.engine': engine, ...Object.fromEntries(settings) };
  try {
    loadConfig({ file: null, env: {}, flags });
    return '';
  } catch (error) {
    assert.ok(error instanceof IsobarError && error.code === 'CONFIG_INVALID', String(error));
    return error.message;
  }
}

const kerberos = { authentication: 'kerberos', namenodes: 'https://nn1:9871, https://nn2:9871' };

test('settings of HDFS that cannot be meant are named', () => {
  const cases: readonly [Record<string, string>, RegExp | ''][] = [
    [{}, ''],
    [{ namenodes: 'http://a:1, b:2' }, /namenodes: expected addresses such as .*; got "b:2"/],
    [{ namenodes: 'https://user@a:1' }, /namenodes: expected addresses such as/],
    [kerberos, ''],
    [{ ...kerberos, keytab_file: '/k', principal: 'isobar@EXAMPLE.ORG' }, ''],
    [{ ...kerberos, token: 'SECRET' }, /^lake\.hdfs\.token: expected none, since .*kerberos$/],
    [{ ...kerberos, user: 'isobar' }, /^lake\.hdfs\.user: expected none/],
    [{ keytab_file: '/k' }, /^lake\.hdfs\.keytab_file: expected .*authentication to be kerberos$/],
    [{ ...kerberos, namenodes: 'https://a:1,http://b:1' }, /namenodes: expected https:/],
    [{ ...kerberos, namenodes: 'http://localhost:1' }, ''],
  ];
  for (const [hdfs, expected] of cases) {
    const found = problemsOf(hdfs);
    if (expected === '') assert.equal(found, '', JSON.stringify(hdfs));
    else assert.match(found, expected);
    assert.ok(!found.includes('SECRET'));
    assert.equal(problemsOf(hdfs, 'local'), '', 'not in use');
  }
});

test('a token that travels readable is a warning', () => {
  const warningsOf = (namenodes: string) => {
    const hdfs = { 'lake.hdfs.namenodes': namenodes, 'lake.hdfs.token': 'SECRET' };
    return loadConfig({ file: null, env: {}, flags: { 'lake.engine': 'hdfs', ...hdfs } }).warnings;
  };
  assert.deepEqual(warningsOf('https://a:1'), []);
  assert.deepEqual(warningsOf('http://127.0.0.1:1'), []);
  const [warning = ''] = warningsOf('https://a:1, http://b:1');
  assert.match(warning, /^lake\.hdfs\.token: it is sent readable/);
  assert.ok(!warning.includes('SECRET'));
});
