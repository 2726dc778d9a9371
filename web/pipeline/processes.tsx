import type { LeaseStatus, Status } from '../../src/model/status.ts';
import { formatAge } from '../format/ages.ts';
import { type Column, Row, Table } from '../panel/table.tsx';
import { words } from '../words/words.ts';
import { Box } from './fact-box.tsx';

/** Which process does what, on whatever machine. */
export function Processes({ status, now }: { readonly status: Status; readonly now: number }) {
  const say = words.value.pipeline.processes;
  const { leases } = status.work;
  const columns: readonly Column[] = [[say.process], [say.does, 'wraps'], [say.sign, 'number']];
  return (
    <Box title={say.title} wide>
      {leases.length === 0 ? (
        <p class="quiet">{say.alone}</p>
      ) : (
        <Table label={say.title} class="stacks" columns={columns}>
          {processesOf(leases).map(({ key, name, does, silent, lastSignAt }) => (
            <Row
              key={key}
              columns={columns}
              cells={[
                name,
                does,
                <span key="sign" class={silent ? 'alert' : undefined}>
                  {silent && `▲ ${say.silent}, `}
                  {words.value.pipeline.steps.ago(formatAge((now - lastSignAt) / 1_000))}
                </span>,
              ]}
            />
          ))}
        </Table>
      )}
    </Box>
  );
}

interface Worker {
  readonly key: string;
  /** "isobar land, 4711 on host". */
  readonly name: string;
  /** "lands 0, 2". */
  readonly does: string;
  readonly silent: boolean;
  /** Of its newest sign, ms since 1970. */
  readonly lastSignAt: number;
}

function processesOf(leases: readonly LeaseStatus[]): readonly Worker[] {
  const say = words.value.pipeline.processes;
  const byProcess = Map.groupBy(leases, ({ host, pid }) => `${host} ${pid}`);
  return [...byProcess].map(([key, own]) => {
    const [first] = own;
    const partitions = own.filter(({ role }) => role === 'partition').map(({ number }) => number);
    const roles = [...new Set(own.map(({ role }) => role))].filter((role) => role !== 'partition');
    const does = roles.map((role) => say.roles[role]);
    if (partitions.length > 0)
      does.push(say.partitions(partitions.sort((a, b) => a - b).join(', ')));
    return {
      key,
      name: say.named(first?.command ?? '', String(first?.pid ?? ''), first?.host ?? ''),
      does: does.join(' · '),
      silent: own.every(({ state }) => state === 'silent'),
      lastSignAt: Math.max(...own.map(({ last_sign_at }) => Date.parse(last_sign_at))),
    };
  });
}
