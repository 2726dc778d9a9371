import type { ComponentChildren } from 'preact';
import { ScrollTable } from './scroll-table.tsx';

/**
 * A column: its name and its class. `number` stands on the right, the name of an `action` is not
 * seen, `less` is left out where the panel is narrow.
 */
export type Column = readonly [name: string, kind?: string];

export interface TableProps {
  /** What its place is called, and its caption where it has no other. */
  readonly label: string;
  readonly caption?: string;
  /** Whether the caption is seen. */
  readonly captioned?: boolean;
  /** How it fits where there is less room: `stacks`, `fits`. */
  readonly class?: string;
  readonly tall?: boolean;
  readonly columns: readonly Column[];
  /** Its rows. */
  readonly children: ComponentChildren;
}

/** A table that scrolls where it is wider than its place. */
export function Table(props: TableProps) {
  const { label, caption = label, captioned = false, tall = false, columns, children } = props;
  return (
    <ScrollTable label={label} tall={tall}>
      <table class={props.class}>
        <caption class={captioned ? undefined : 'unseen'}>{caption}</caption>
        <Heads columns={columns} />
        <tbody>{children}</tbody>
      </table>
    </ScrollTable>
  );
}

function Heads({ columns }: { readonly columns: readonly Column[] }) {
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

export function Row(props: CellsProps) {
  return (
    <tr>
      <Cells {...props} />
    </tr>
  );
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
