import type { ComponentChildren } from 'preact';

/**
 * A column: its name and its class. `number` stands on the right, the name of an `action` is not
 * seen, `less` is left out where the panel is narrow.
 */
export type Column = readonly [name: string, kind?: string];

export function Heads({ columns }: { readonly columns: readonly Column[] }) {
  return (
    <thead>
      <tr>
        {columns.map(([name, kind]) => (
          <th key={name} scope="col" class={kind}>
            {kind === 'action' ? <span class="unseen">{name}</span> : name}
          </th>
        ))}
      </tr>
    </thead>
  );
}

interface CellsProps {
  readonly columns: readonly Column[];
  readonly cells: readonly ComponentChildren[];
}

/** The cells of a row, of which the first names it; stacked, each says its column itself. */
export function Cells({ columns, cells }: CellsProps) {
  return columns.map(([name, kind], place) =>
    place === 0 ? (
      <th key={name} scope="row">
        {cells[place]}
      </th>
    ) : (
      <td key={name} class={kind} data-label={name}>
        {cells[place]}
      </td>
    ),
  );
}
