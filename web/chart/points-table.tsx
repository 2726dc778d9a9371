import type { VariableName } from '../../src/model/variables.ts';
import type { Store } from '../client/store.ts';
import { formatCount } from '../format/numbers.ts';
import { formatTime } from '../format/times.ts';
import { ScrollTable } from '../panel/scroll-table.tsx';
import { words } from '../words/words.ts';
import { formatEnd, type Line, timesOf } from './lines.ts';

const TABLE_ROWS = 100;

interface PointsTableProps {
  readonly store: Store;
  readonly variable: VariableName;
  readonly lines: readonly Line[];
  readonly zone: string;
}

/** The same numbers as a table, newest first. */
export function PointsTable({ store, variable, lines, zone }: PointsTableProps) {
  const label = words.value.variables[variable];
  const times = timesOf(lines).toReversed();
  const shown = times.slice(0, TABLE_ROWS);
  const values = lines.map(
    (line) => new Map(line.times.map((at, index) => [at, line.values[index] ?? null])),
  );
  return (
    <ScrollTable label={words.value.panel.asTable(label)} tall>
      <table>
        <caption>
          {words.value.chart.caption(
            label,
            formatCount(shown.length),
            times.length > shown.length ? formatCount(times.length) : null,
          )}
        </caption>
        <thead>
          <tr>
            <th scope="col">{words.value.panel.time}</th>
            {lines.map((line) => (
              <th key={line.cityId} scope="col" class="number">
                {line.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((at) => (
            <tr key={at}>
              <th scope="row">{formatTime(at, zone, store.clock.now.peek())}</th>
              {lines.map((line, index) => {
                const value = values[index]?.get(at) ?? null;
                return (
                  <td key={line.cityId} class="number">
                    {value === null ? '–' : formatEnd(value, variable)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollTable>
  );
}
