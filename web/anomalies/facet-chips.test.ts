import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chipsOf, choiceQuery, isChosen, NO_CHOICE, toggleChip } from './facet-chips.ts';

const some = (...values: readonly (readonly [string, number])[]) =>
  values.map(([value, count]) => ({ value, count }));
const FACETS = {
  total: 12,
  city_id: some(['london', 8], ['dubai', 4]),
  variable: some(['temperature_c', 12]),
  rule: some(['three_sigma', 12]),
  month: some(['2026-11', 7], ['2026-10', 5]),
};
const nameOf = (city: string) => city.toUpperCase();

test('offers what leaves a choice, and keeps what is pressed', () => {
  assert.deepEqual(
    chipsOf(FACETS, NO_CHOICE, nameOf).map(({ label, count }) => `${label} ${count}`),
    ['LONDON 8', 'DUBAI 4', 'Nov 2026 7', 'Oct 2026 5'],
  );
  const choice = { ...NO_CHOICE, variable: 'temperature_c', city_id: 'oslo' };
  const chips = chipsOf(FACETS, choice, nameOf);
  assert.deepEqual(
    chips.filter(({ isPressed }) => isPressed).map(({ label, count }) => `${label} ${count}`),
    ['OSLO 0', 'Temperature 12'],
  );
});

test('pressing chooses, pressing again lets go', () => {
  const [chip] = chipsOf(FACETS, NO_CHOICE, nameOf);
  assert.ok(chip !== undefined);
  const chosen = toggleChip(NO_CHOICE, chip);
  assert.equal(chosen.city_id, 'london');
  assert.deepEqual(toggleChip(chosen, { ...chip, isPressed: true }), NO_CHOICE);
  assert.ok(isChosen(chosen) && !isChosen({ ...NO_CHOICE, text: '  ' }));
});

test('asks for the month within the range', () => {
  const choice = { ...NO_CHOICE, text: ' above ', month: '2026-12', city_id: 'dubai' };
  assert.deepEqual(
    choiceQuery(choice, { from: '2026-12-10T00:00:00Z', to: '2027-02-01T00:00:00Z' }),
    {
      from: '2026-12-10T00:00:00Z',
      to: '2027-01-01T00:00:00Z',
      q: 'above',
      city: ['dubai'],
      facets: '1',
    },
  );
  assert.deepEqual(choiceQuery(NO_CHOICE, {}), { facets: '1' });
});

test('a month outside the range narrows nothing', () => {
  const choice = { ...NO_CHOICE, month: '2026-10' };
  const after = { from: '2026-11-28T00:00:00Z' };
  const before = { from: '2026-08-01T00:00:00Z', to: '2026-10-01T00:00:00Z' };
  assert.deepEqual(choiceQuery(choice, after), { ...after, facets: '1' });
  assert.deepEqual(choiceQuery(choice, before), { ...before, facets: '1' });
});
