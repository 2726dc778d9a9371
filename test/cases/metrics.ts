/** Metrics in the text format of Prometheus: each line is one that a scraper reads. */
import assert from 'node:assert/strict';

const HEAD = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/;
const LABEL = '[a-zA-Z_]\\w*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"';
const SAMPLE = new RegExp(`^(([a-zA-Z_:][\\w:]*)(?:\\{(?:${LABEL}(?:,${LABEL})*)?\\})?) (\\S+)$`);
const TYPES = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];
const VALUE = /^(NaN|[+-]?Inf|[+-]?\d+(\.\d+)?(e[+-]?\d+)?)$/;

/**
 * The value of each sample, by its name with its labels. Every family has its help and its type
 * before its samples, which stand together; no sample occurs twice.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function parseMetrics(text: string): ReadonlyMap<string, string> {
  assert.ok(text.endsWith('\n'));
  const types = new Map<string, string>();
  const values = new Map<string, string>();
  let helped = '';
  let family = '';
  for (const line of text.trimEnd().split(/\n+/)) {
    const [, kind, name = '', rest = ''] = HEAD.exec(line) ?? [];
    if (kind === 'HELP') helped = name;
    else if (kind === 'TYPE') {
      assert.ok(TYPES.includes(rest) && helped === name && !types.has(name), line);
      types.set(name, rest);
      family = name;
    } else {
      const [, sample = '', metric = '', value = ''] = SAMPLE.exec(line) ?? [];
      assert.ok(family !== '' && VALUE.test(value) && !values.has(sample), line);
      const suffixes = types.get(family) === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
      assert.ok(
        suffixes.some((suffix) => metric === family + suffix),
        line,
      );
      values.set(sample, value);
    }
  }
  return values;
}
