import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DailySummary } from '../../src/model/climate-datasets.ts';
import { dateAtPlace, dateByKey, datesOf, layOutCalendar } from './calendar-layout.ts';

const day = (date: string, mean: number | null, coverage: number) =>
  ({ date, temperature_c_mean: mean, coverage_pct: coverage }) as DailySummary;

test('every day of a year has a cell, whether it was observed or not', () => {
  assert.equal(datesOf(2023).length, 365);
  assert.equal(datesOf(2024).length, 366);
  const days = [day('2024-02-29', 3, 100), day('2024-03-01', 4, 74.9), day('2025-01-01', 9, 100)];
  const { cells } = layOutCalendar(days, 2024, 'temperature_c_mean', 660);
  assert.equal(cells.length, 366);
  const of = (date: string) => cells.find((cell) => cell.date === date);
  assert.deepEqual([of('2024-02-29')?.value, of('2024-02-29')?.isComplete], [3, true]);
  assert.deepEqual([of('2024-03-01')?.value, of('2024-03-01')?.isComplete], [4, false]);
  assert.deepEqual([of('2024-03-02')?.value, of('2024-03-02')?.isComplete], [null, false]);
});

test('the place of a cell leads back to its day, and other places to none', () => {
  for (const width of [320, 1_400]) {
    const layout = layOutCalendar([], 2023, 'temperature_c_mean', width);
    for (const { date, x, y } of layout.cells) {
      const [middleX, middleY] = [x + layout.cellWidth / 2, y + layout.cellHeight / 2];
      assert.equal(dateAtPlace(layout, 2023, middleX, middleY), date);
    }
    const last = layout.left + 30.5 * layout.cellWidth;
    assert.equal(dateAtPlace(layout, 2023, last, 1.5 * layout.cellHeight), null, '31 February');
    assert.equal(dateAtPlace(layout, 2023, 2, 2), null);
    assert.equal(dateAtPlace(layout, 2023, last, layout.height), null);
  }
});

test('keys lead from day to day and from month to month, within the year', () => {
  assert.equal(dateByKey('2024-03-31', 'ArrowUp', 2024), '2024-02-29');
  assert.equal(dateByKey('2024-02-29', 'ArrowDown', 2024), '2024-03-29');
  assert.equal(dateByKey('2024-01-31', 'ArrowRight', 2024), '2024-02-01');
  assert.equal(dateByKey('2024-01-01', 'ArrowLeft', 2024), '2024-01-01');
  assert.equal(dateByKey('2024-12-31', 'ArrowRight', 2024), '2024-12-31');
  assert.equal(dateByKey('2024-01-05', 'ArrowUp', 2024), '2024-01-05');
  assert.equal(dateByKey('2024-05-05', 'Home', 2024), '2024-01-01');
  assert.equal(dateByKey('2024-05-05', 'End', 2024), '2024-12-31');
  assert.equal(dateByKey('2024-05-05', 'x', 2024), null);
});
