import type { Store } from '../client/store.ts';
import { Panel } from '../panel/panel.tsx';
import { type Column, Row, Table } from '../panel/table.tsx';
import { words } from '../words/words.ts';
import type { Rule } from './incident-list.ts';

/** The rules as they are written: their words are those of the file of alerts. */
export function RulesPanel({ store }: { readonly store: Store }) {
  const say = words.value.incidents;
  const columns: readonly Column[] = [
    [say.rule],
    [say.condition, 'wraps'],
    [say.lasting],
    [say.importance],
    [say.channels],
  ];
  return (
    <Panel
      id="alert-rules"
      title={say.rules}
      subtitle={say.rulesSubtitle}
      store={store}
      resource={store.incidents.rules}
      height={200}
      rows={null}
      emptyText={say.noRules}
    >
      {({ data }) => (
        <Table label={say.rules} class="stacks" columns={columns}>
          {data.map((rule) => (
            <Row key={rule.name} columns={columns} cells={cellsOf(rule)} />
          ))}
        </Table>
      )}
    </Panel>
  );
}

function cellsOf(rule: Rule) {
  const say = words.value.incidents;
  return [
    <>
      <code>{rule.name}</code>
      {rule.description !== undefined && <small lang="en">{rule.description}</small>}
    </>,
    <code key="when">{formatCondition(rule)}</code>,
    rule.for ?? '–',
    say.severity[rule.severity ?? 'warning'],
    rule.channels?.join(', ') || '–',
  ];
}

/** `value: variable temperature_c, below 0` */
function formatCondition({ when }: Rule): string {
  const { kind, ...rest } = when as Readonly<Record<string, unknown>>;
  const parts = Object.entries(rest).map(([name, value]) => `${name} ${String(value)}`);
  return parts.length === 0 ? String(kind) : `${String(kind)}: ${parts.join(', ')}`;
}
