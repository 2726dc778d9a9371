import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openSchedule } from './schedule.ts';

type Step = readonly ['add', number] | readonly ['take'] | readonly ['shift', number];

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 20 }).map((due) => ['add', due] as const) },
  { weight: 4, arbitrary: fc.constant(['take'] as const) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 20 }).map((by) => ['shift', by] as const) },
);

test('a schedule gives what a sorted list gives, whatever is added, taken and moved', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const schedule = openSchedule<number>();
      let model: { due: number; item: number }[] = [];
      const sorted = () => model.toSorted((a, b) => a.due - b.due || a.item - b.item);
      for (const [index, [kind, value]] of steps.entries()) {
        if (kind === 'add') {
          schedule.add(value, index);
          model.push({ due: value, item: index });
        } else if (kind === 'take') {
          const first = sorted()[0];
          assert.equal(schedule.take(), first?.item);
          model = model.filter((entry) => entry !== first);
        } else {
          // Some earlier, some later, some as they are.
          const move = (due: number, item: number) => due + ((item * value) % 7) - 3;
          schedule.reschedule(move);
          model = model.map(({ due, item }) => ({ due: move(due, item), item }));
        }
        assert.equal(schedule.size, model.length);
        assert.equal(schedule.nextDue(), sorted()[0]?.due ?? null);
        const due = model.filter((entry) => entry.due <= 10).length;
        assert.equal(schedule.countDue(10, 1_000), due);
        assert.equal(schedule.countDue(10, 3), Math.min(3, due));
      }
      for (const { item } of sorted()) assert.equal(schedule.take(), item);
      assert.equal(schedule.take(), undefined);
    }),
    { numRuns: 200 },
  );
});

test('200,000 cities are scheduled and taken in their order', () => {
  const schedule = openSchedule<number>();
  for (let item = 0; item < 200_000; item++) schedule.add((item * 7_919) % 600_000, item);
  let last = -1;
  for (let count = 0; count < 200_000; count++) {
    const due = schedule.nextDue() ?? Number.NaN;
    assert.ok(due >= last);
    last = due;
    schedule.take();
  }
  assert.equal(schedule.nextDue(), null);
});
