import type { RoomError, Status } from '../../src/model/status.ts';
import type { Store } from '../client/store.ts';
import { formatAge } from '../format/ages.ts';
import { formatBytes, formatCount } from '../format/numbers.ts';
import { formatTimeShort, zoneWithoutCity } from '../format/times.ts';
import { Panel } from '../panel/panel.tsx';
import { type Column, Row, Table } from '../panel/table.tsx';
import { words } from '../words/words.ts';
import { Engines } from './engines.tsx';
import { Box, Facts } from './fact-box.tsx';
import { Processes } from './processes.tsx';
import { pipelineSteps, type Step } from './steps.ts';
import { Summary } from './summary.tsx';
import './engines.css';
import './flow.css';

const SHAPES: Readonly<Record<Step['state'], string>> = { ok: '●', wait: '◐', look: '▲' };

/** The path of the data as it flows, and everything that an operator would look up elsewhere. */
export function PipelineSheet({ store }: { readonly store: Store }) {
  const say = words.value.pipeline.sheet;
  return (
    <Panel
      id="flow"
      title={say.title}
      subtitle={say.subtitle}
      store={store}
      resource={store.status}
      height={560}
      rows={null}
      actions={[{ name: say.metrics, href: 'metrics', beside: true }]}
    >
      {({ data: status }) => {
        const now = store.clock.now.value;
        return (
          <>
            <Summary store={store} />
            <Errors status={status} now={now} />
            <div class="flow-place">
              <ol class="flow">
                {pipelineSteps(status, now).map((step) => (
                  <FlowStep key={step.name} step={step} />
                ))}
              </ol>
              <div class="facts-grid">
                <Budget status={status} />
                <Partitions status={status} />
                <TableFacts status={status} store={store} />
                <AnalyticsFacts status={status} store={store} />
                <StreamFacts status={status} store={store} />
                <Process status={status} store={store} />
                <Processes status={status} now={now} />
              </div>
            </div>
            <Engines store={store} />
          </>
        );
      }}
    </Panel>
  );
}

function FlowStep({ step }: { readonly step: Step }) {
  return (
    <li class={`flow-step flow-${step.state}${step.isBranch ? ' flow-branch' : ''}`}>
      <h3>{step.name}</h3>
      {step.lines.map((line) => (
        <p key={line}>{line}</p>
      ))}
      {/* By a shape and a word, and not by colour alone. */}
      <p class={`step-${step.state}`}>
        <span aria-hidden="true">{SHAPES[step.state]}</span>{' '}
        {words.value.pipeline.steps.states[step.state]}
      </p>
    </li>
  );
}

/** What fails, since when, and what to do. */
function Errors({ status, now }: { readonly status: Status; readonly now: number }) {
  const say = words.value.pipeline.sheet;
  const { collector, log, landing, table, analytics, index, raw_export } = status;
  const { streaming, forecast } = status;
  const rooms: readonly (readonly [string, RoomError | null | undefined])[] = [
    [say.rooms.log, log.error],
    [say.rooms.landing, landing.error],
    [say.rooms.table, table.error],
    [say.rooms.analytics, analytics.error],
    [say.rooms.streaming, streaming?.error],
    [say.rooms.forecast, forecast?.error],
    [say.rooms.index, index.error],
    [say.rooms.export, raw_export?.error],
  ];
  const failing = rooms.flatMap(([room, error]) => (error ? [{ room, error }] : []));
  const troubled = collector?.troubled ?? [];
  if (failing.length === 0 && troubled.length === 0) {
    return <p class="good-news">● {say.healthy}</p>;
  }
  return (
    <ul class="troubles">
      {failing.map(({ room, error }) => (
        <li key={room}>
          <b class="alert">
            ▲ {room}: {error.code}
          </b>{' '}
          {error.message}. <span class="remedy">{error.remedy}</span>{' '}
          <span class="quiet">{say.since(formatAge((now - Date.parse(error.since)) / 1_000))}</span>
        </li>
      ))}
      {troubled.map(({ city_id, reason }) => (
        <li key={city_id}>
          <b class="alert">▲ {city_id}:</b> {reason}
        </li>
      ))}
    </ul>
  );
}

/** Calls that are used, and of how many where that is a bound: the simulator has none. */
function Budget({ status }: { readonly status: Status }) {
  const say = words.value.pipeline.sheet;
  const { collector, simulated } = status;
  if (collector === null) {
    return (
      <Box title={say.budget}>
        <p class="quiet">{say.notPolled}</p>
      </Box>
    );
  }
  const spans = [
    [say.minute, collector.calls.minute],
    [say.day, collector.calls.day],
    [say.month, collector.calls.month],
  ] as const;
  return (
    <Box title={say.budget}>
      {spans.map(([name, calls]) => (
        <div key={name} class="budget">
          <span>{name}</span>
          {!simulated && <meter min={0} max={calls.limit} value={calls.used} aria-label={name} />}
          <span class="number">
            {simulated
              ? formatCount(calls.used)
              : say.usedOf(formatCount(calls.used), formatCount(calls.limit))}
          </span>
        </div>
      ))}
      <p class="quiet">{collector.message}</p>
    </Box>
  );
}

/** What waits in each partition, by number and by time. */
function Partitions({ status }: { readonly status: Status }) {
  const say = words.value.pipeline.sheet;
  const { log } = status;
  const { spool } = log;
  const columns: readonly Column[] = [
    [say.partition],
    [say.records, 'number'],
    [say.waiting, 'number'],
    [say.lag, 'number'],
  ];
  return (
    <Box title={say.log(log.engine)}>
      <Table label={say.log(log.engine)} caption={say.partitions} columns={columns}>
        {log.partitions.map(({ partition, first, next, waiting, lag_s, expires_in_s }) => (
          <Row
            key={partition}
            columns={columns}
            cells={[
              partition,
              formatCount(next - first),
              formatCount(waiting),
              <>
                {waiting === 0 ? '–' : formatAge(lag_s)}
                {expires_in_s !== null && waiting > 0 && (
                  <span class="quiet"> {say.expires(formatAge(expires_in_s))}</span>
                )}
              </>,
            ]}
          />
        ))}
      </Table>
      <p class="quiet">
        {log.bytes_max > 0
          ? say.usedOf(formatBytes(log.bytes), formatBytes(log.bytes_max))
          : formatBytes(log.bytes)}
        {spool !== null &&
          spool.records > 0 &&
          ` · ${say.spool(formatCount(spool.records), formatBytes(spool.bytes))}`}
      </p>
    </Box>
  );
}

interface TimedProps {
  readonly status: Status;
  readonly store: Store;
}

function timeOf(store: Store, time: string | null): string {
  if (time === null) return '–';
  const { clock } = store.address.view.value;
  const zone = zoneWithoutCity(clock);
  return formatTimeShort(Date.parse(time), zone, store.clock.now.value);
}

function TableFacts({ status, store }: TimedProps) {
  const say = words.value.pipeline.sheet;
  const { table, landing, raw_export } = status;
  return (
    <Box title={say.rooms.table}>
      <Facts
        rows={[
          [say.version, table.version < 0 ? '–' : formatCount(table.version)],
          [say.committed, timeOf(store, table.committed_at)],
          [say.rows, formatCount(table.rows)],
          [say.files, `${formatCount(table.files)} · ${formatBytes(table.bytes)}`],
          [
            say.lastLanding,
            landing.last_landed_at === null
              ? '–'
              : `${timeOf(store, landing.last_landed_at)} · ${formatCount(landing.last_rows)}`,
          ],
          ...(raw_export === null
            ? []
            : [
                [
                  say.rooms.export,
                  raw_export.table_version < 0
                    ? '–'
                    : say.ofVersion(formatCount(raw_export.table_version)),
                ] as const,
              ]),
        ]}
      />
    </Box>
  );
}

function AnalyticsFacts({ status, store }: TimedProps) {
  const say = words.value.pipeline.sheet;
  const { analytics, table } = status;
  const { facts, progress, quality, recomputation } = analytics;
  const behind = Math.max(0, table.version - analytics.table_version);
  return (
    <Box title={say.rooms.analytics}>
      <Facts
        rows={[
          [say.engine, [analytics.engine, facts?.version].filter(Boolean).join(' ')],
          ...(progress === null
            ? []
            : [
                [
                  say.running,
                  say.usedOf(formatCount(progress.done), formatCount(progress.of)),
                ] as const,
              ]),
          [say.version, analytics.version === 0 ? '–' : formatCount(analytics.version)],
          [say.computed, timeOf(store, analytics.computed_at)],
          [
            say.fromTable,
            behind === 0
              ? formatCount(Math.max(0, analytics.table_version))
              : say.behind(formatCount(analytics.table_version), formatCount(behind)),
          ],
          ...(quality === null
            ? []
            : [
                [
                  say.quality,
                  say.flagged(formatCount(quality.failed), formatCount(quality.suspect)),
                ] as const,
              ]),
          ...(recomputation === null
            ? []
            : [
                [
                  say.recomputed(recomputation.engine),
                  recomputation.error?.message ??
                    say.differences(
                      timeOf(store, recomputation.recomputed_at),
                      recomputation.differences,
                    ),
                ] as const,
              ]),
        ]}
      />
      {facts !== null && Object.keys(facts.properties).length > 0 && (
        <details>
          <summary>{say.inEffect}</summary>
          <Facts rows={Object.entries(facts.properties)} />
        </details>
      )}
    </Box>
  );
}

/** Nothing where it is switched off. */
function StreamFacts({ status, store }: TimedProps) {
  const say = words.value.pipeline.sheet;
  const { streaming } = status;
  if (streaming === null) return null;
  const { state, batch, watermark, compared, differences, late, compared_at } = streaming;
  return (
    <Box title={say.rooms.streaming}>
      <Facts
        rows={[
          [say.query, say.queryStates[state]],
          [say.batch, batch < 0 ? '–' : formatCount(batch)],
          [say.lateBefore, timeOf(store, watermark)],
          [say.late, formatCount(late)],
          [
            say.comparedHours(formatCount(compared)),
            say.differences(timeOf(store, compared_at), differences),
          ],
        ]}
      />
    </Box>
  );
}

function Process({ status, store }: TimedProps) {
  const say = words.value.pipeline.sheet;
  return (
    <Box title={say.process}>
      <Facts
        rows={[
          ['isobar', status.version],
          [say.started, timeOf(store, status.started_at)],
          [say.data, <Path key="data" path={status.data} />],
        ]}
      />
    </Box>
  );
}

/** Breaks after slashes, and elsewhere only where a name is longer than a line. */
function Path({ path }: { readonly path: string }) {
  return (
    <code class="path">
      {path.split(/(?<=\/)/).map((name, depth) => (
        <span key={`${depth} ${name}`}>{name}</span>
      ))}
    </code>
  );
}
