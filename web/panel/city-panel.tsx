import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import type { Meta } from '../../src/api/schemas.ts';
import { Panel, type PanelProps } from './panel.tsx';

interface Rows<R> {
  readonly meta: Meta;
  readonly data: readonly R[];
}

interface CityPanelProps<R> extends Pick<PanelProps<Rows<R>>, 'id' | 'title' | 'store'> {
  readonly resource: PanelProps<Rows<R>>['resource'];
  /** Follows the city's name. */
  readonly subtitle: string;
  readonly drawing: (rows: readonly R[], name: string) => ComponentChildren;
  /** The same as a table. */
  readonly asTable: (rows: readonly R[], name: string) => ComponentChildren;
}

/** What is drawn of one city, beside other drawings of it. */
export function CityPanel<R extends { readonly city_id: string }>({
  subtitle,
  drawing,
  asTable,
  ...frame
}: CityPanelProps<R>) {
  const table = useSignal(false);
  const city = frame.store.focus.value;
  const name = city?.name ?? '';
  return (
    <Panel {...frame} subtitle={`${name}, ${subtitle}`} fills height={330} widen table={table}>
      {({ data }) => {
        const rows = data.filter(({ city_id }) => city_id === city?.city_id);
        return (
          <>
            {drawing(rows, name)}
            {table.value && asTable(rows, name)}
          </>
        );
      }}
    </Panel>
  );
}
