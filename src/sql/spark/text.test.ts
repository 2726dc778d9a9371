import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseConnectAddress } from '../../config/spark-address.ts';
import { isErrorCode } from '../../errors.ts';
import { parseProperties } from './properties.ts';
import { sparkText, splitStatements } from './text.ts';

const isInvalid = (error: unknown) => isErrorCode(error, 'CONFIG_INVALID');

test('parameters become literals, elsewhere a dollar is a dollar', () => {
  const values = { a: "it's", b: 1.5, n: null, i: -3, big: 2n ** 60n, t: true };
  const cases: readonly (readonly [string, string])[] = [
    ['SELECT $a', "SELECT CAST(X'69742773' AS STRING)"],
    ['x - $b', 'x - (1.5D)'],
    ['x -$i', 'x -(-3)'],
    ['$n IS NULL AND $t', 'null IS NULL AND true'],
    ['$big', "CAST('1152921504606846976' AS BIGINT)"],
    ["'$a' || $b", "'$a' || (1.5D)"],
    ['"$a", `$a` -- $a', '"$a", `$a` -- $a'],
    ['/* $a\n */ $b', '/* $a\n */ (1.5D)'],
    ['lag(a IGNORE NULLS) OVER w', 'lag(a) IGNORE NULLS OVER w'],
    ["'(a IGNORE NULLS)'", "'(a IGNORE NULLS)'"],
    ["'it''s $a' = $i", "'it''s $a' = (-3)"],
  ];
  for (const [sql, wanted] of cases) assert.equal(sparkText(sql, values), wanted);
  assert.throws(
    () => sparkText('$b AND $nowhere', values),
    (e) => isErrorCode(e, 'QUERY_INVALID'),
  );
});

test('a backslash is itself in a string, and nothing else', () => {
  assert.equal(sparkText(String.raw`'a\b' "c\d"`), String.raw`'a\\b' "c\d"`);
  // In Spark's own reading the quote would not end this one.
  assert.equal(sparkText(String.raw`SELECT '\' AS a`), String.raw`SELECT '\\' AS a`);
});

test('no value is ever read as SQL', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      const [, hex = '?'] =
        /^CAST\(X'([0-9a-f]*)' AS STRING\)$/.exec(sparkText('$v', { v: value })) ?? [];
      assert.equal(Buffer.from(hex, 'hex').toString(), Buffer.from(value).toString());
    }),
  );
});

test('statements are split where a semicolon is code', () => {
  assert.deepEqual(splitStatements("SELECT ';'; ; -- a;b\nSELECT `;` /*;*/;"), [
    "SELECT ';'",
    'SELECT `;`',
  ]);
  assert.deepEqual(splitStatements(' ; -- nothing'), []);
});

test('addresses of Spark Connect', () => {
  const plain = { token: null, user: null };
  assert.deepEqual(parseConnectAddress('sc://spark:1'), { ...plain, url: 'http://spark:1' });
  assert.deepEqual(parseConnectAddress('sc://[::1]/'), { ...plain, url: 'http://[::1]:15002' });
  assert.deepEqual(parseConnectAddress('sc://h:2/;use_ssl=true;token=a%3Bb;user_id=u'), {
    url: 'https://h:2',
    token: 'a;b',
    user: 'u',
  });
  for (const wrong of [
    'spark:1',
    'http://h:1',
    'sc://',
    'sc://h:0',
    'sc://h:70000',
    'sc://h/;x=1',
  ]) {
    assert.throws(() => parseConnectAddress(wrong), isInvalid, wrong);
  }
  assert.throws(
    () => parseConnectAddress('sc://h/x;token=secret'),
    (error) => isInvalid(error) && !String(error).includes('secret'),
  );
});

test('properties', () => {
  assert.deepEqual([...parseProperties('')], []);
  assert.deepEqual(
    [...parseProperties(' spark.a=1,2 , spark.b-c = x=y,spark.d=')],
    [
      ['spark.a', '1,2'],
      ['spark.b-c', 'x=y'],
      ['spark.d', ''],
    ],
  );
  for (const wrong of ['a=1', 'spark.a', 'x, spark.a=1']) {
    assert.throws(() => parseProperties(wrong), isInvalid, wrong);
  }
});
