import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { formatRulesDocument } from './rules-document.ts';

test('docs/alert-rules.md is current', () => {
  const text = readFileSync(new URL('../../docs/alert-rules.md', import.meta.url), 'utf8');
  assert.equal(text, formatRulesDocument(), 'run `npm run docs`');
});
