/** What is behind a number, from the number down to the provider's answer. */
import { computed, signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import type { ExplainAnswer } from '../../src/api/schemas.ts';
import type { Explanation, Listed } from '../../src/model/provenance.ts';
import { zoneOfCity } from '../cities/find-city.ts';
import { createClient, formatPath, type Trouble, troubleOf } from '../client/fetching.ts';
import type { Store } from '../client/store.ts';
import { formatCount, isOne } from '../format/numbers.ts';
import { formatTime } from '../format/times.ts';
import { Skeleton } from '../panel/skeleton.tsx';
import { TroubleNote } from '../panel/trouble-note.tsx';
import { pathOfQuestion } from './asked.ts';
import { provenanceWords } from './provenance-words.ts';
import './provenance.css';

export function ProvenanceSheet({ store }: { readonly store: Store }) {
  const path = useMemo(() => computed(pathOfQuestion), []);
  const { answer, trouble } = useMemo(
    () => ({
      answer: signal<ExplainAnswer | null>(null),
      trouble: signal<Trouble | null>(null),
    }),
    [],
  );
  const question = path.value;
  useEffect(() => {
    if (question === null) return undefined;
    const leaving = new AbortController();
    answer.value = null;
    trouble.value = null;
    createClient(fetch.bind(globalThis), () => {})
      .ask<ExplainAnswer>(question, leaving.signal, true)
      .then((news) => {
        answer.value = news;
      })
      .catch((error: unknown) => {
        if (!leaving.signal.aborted) trouble.value = troubleOf(error);
      });
    return () => leaving.abort();
  }, [question, answer, trouble]);
  const found = answer.value?.data ?? null;
  return (
    <div class="provenance" aria-busy={found === null && trouble.value === null}>
      {found === null && trouble.value === null && <Skeleton height={320} />}
      <TroubleNote trouble={trouble.value} />
      {found !== null && <Chain store={store} found={found} path={question ?? ''} />}
    </div>
  );
}

interface Found {
  readonly store: Store;
  readonly found: Explanation;
}

/** The steps in the order in which a number hangs on them. */
function Chain({ store, found, path }: Found & { readonly path: string }) {
  const say = provenanceWords.value;
  const when = clockOf(store, found);
  return (
    <>
      <p class="provenance-state">{say.states[found.state]}</p>
      {found.note !== null && (
        <p class="quiet" lang="en">
          {found.note}
        </p>
      )}
      <ol>
        <Observed {...{ found, when }} />
        <Versions {...{ found, when }} />
        <Published {...{ found, when }} />
        <Partials {...{ found }} />
        <Rows {...{ found, when }} />
        <Files {...{ found, when }} />
        <Log {...{ found }} />
        <Raw {...{ found }} />
        <Answer {...{ found }} />
      </ol>
      <p class="foot">
        <a href={path}>{say.json}</a>
      </p>
    </>
  );
}

type When = (time: string | null) => string;

function clockOf(store: Store, { city_id }: Explanation): When {
  const zone = zoneOfCity(store, city_id);
  const now = store.clock.now.peek();
  return (time) => (time === null ? '–' : formatTime(Date.parse(time), zone, now));
}

interface StepProps {
  readonly title: string;
  readonly note?: ComponentChildren;
  readonly children?: ComponentChildren;
}

function Step({ title, note, children }: StepProps) {
  return (
    <li>
      <h3>{title}</h3>
      {note !== undefined && <p>{note}</p>}
      {children}
    </li>
  );
}

/** Entries of a list, and in its middle how many are left out. */
function Items<T>({
  of,
  children,
}: {
  readonly of: Listed<T>;
  readonly children: (item: T) => ComponentChildren;
}) {
  const { listed, total } = of;
  const left = total - listed.length;
  const lines = listed.map((item, place) => <li key={place}>{children(item)}</li>);
  if (left > 0) {
    const rest = <li key="rest">{provenanceWords.value.more(formatCount(left))}</li>;
    lines.splice(Math.ceil(listed.length / 2), 0, rest);
  }
  return <ul>{lines}</ul>;
}

function Digest({ of }: { readonly of: string | null }) {
  return of === null ? null : <small title={`SHA-256 ${of}`}> sha256 {of.slice(0, 8)}</small>;
}

/** Paths are long: their last part is what differs. */
function Path({ of }: { readonly of: string }) {
  return <code title={of}>{of.split('/').slice(-2).join('/')}</code>;
}

function formatRows(count: number): string {
  return provenanceWords.value.count(formatCount(count), isOne(count));
}

function formatMonths(first: string | null, last: string | null): string {
  return first === last ? `${first}` : `${first} – ${last}`;
}

interface Part {
  readonly found: Explanation;
}
interface TimedPart extends Part {
  readonly when: When;
}

function Observed({ found: { observation }, when }: TimedPart) {
  const say = provenanceWords.value;
  if (observation === null) return null;
  const { values, trace_id, import_id, import_row, collected_at, rejected_fields } = observation;
  return (
    <Step title={say.observation} note={formatValues(values)}>
      <dl>
        <Fact name={say.collected} value={when(collected_at)} />
        {import_id !== null && <Fact name={say.import} value={`${import_id}, ${import_row}`} />}
        <Fact name={say.trace} value={trace_id} />
        {rejected_fields !== null && <Fact name={say.notUsed} value={rejected_fields} />}
      </dl>
    </Step>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function formatValues(values: Readonly<Record<string, unknown>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${value}`)
    .join(' · ');
}

/** Only where there is more than the one that counts. */
function Versions({ found: { versions, waiting, observation }, when }: TimedPart) {
  const say = provenanceWords.value;
  if (versions.total + waiting.length <= (observation === null ? 0 : 1)) return null;
  return (
    <Step title={say.versions}>
      <Items of={versions}>
        {({ state, collected_at, import_id, log_partition, log_offset, values }) => (
          <>
            <strong>{say.versionStates[state] ?? state}</strong> · {when(collected_at)} ·{' '}
            {import_id === null ? say.live : `${say.import} ${import_id}`} · {log_partition}:
            {log_offset}
            <small> {formatValues(values)}</small>
          </>
        )}
      </Items>
      {waiting.length > 0 && (
        <Items of={{ total: waiting.length, listed: waiting }}>
          {({ log_partition, log_offset, appended_at, values }) => (
            <>
              <strong>{say.waiting}</strong> · {when(appended_at)} · {log_partition}:{log_offset}
              <small> {formatValues(values)}</small>
            </>
          )}
        </Items>
      )}
    </Step>
  );
}

function Published({ found: { publication }, when }: TimedPart) {
  const say = provenanceWords.value;
  if (publication === null) return null;
  const { version, computed_at, engine, table_version, path, sha256 } = publication;
  const about = say.published(formatCount(version), when(computed_at), engine);
  return (
    <Step title={say.publication} note={about}>
      <p>{say.fromTable(formatCount(table_version))}</p>
      <p>
        <Path of={path} />
        <Digest of={sha256} />
      </p>
    </Step>
  );
}

function Partials({ found: { partials, live_months } }: Part) {
  const say = provenanceWords.value;
  if (partials.total + live_months.total === 0) return null;
  return (
    <Step title={say.partials}>
      <Items of={partials}>
        {({ role, kind, path, sha256, first_month, last_month, month_count }) => (
          <>
            {say.roles[role]} · {kind}
            {month_count > 0 && ` · ${formatMonths(first_month, last_month)}`}
            <br />
            <Path of={path} />
            <Digest of={sha256} />
          </>
        )}
      </Items>
      {live_months.total > 0 && (
        <p>{say.fromRows(live_months.listed.map(({ month }) => month).join(', '))}</p>
      )}
    </Step>
  );
}

function Rows({ found, when }: TimedPart) {
  const say = provenanceWords.value;
  const { row_count, observed_from, observed_to, table_version, rejected, sources } = found;
  const { city_id: city } = found;
  const count = say.inVersion(formatRows(row_count), formatCount(table_version));
  return (
    <Step title={say.table} note={count}>
      {row_count > 1 && (
        <>
          <p>
            {when(observed_from)} – {when(observed_to)}
          </p>
          <p>
            <a href={formatPath('api/raw-data', { city, ...rangeOf(found) })}>{say.showRows}</a>
          </p>
        </>
      )}
      <Items of={sources}>
        {({ source, import_id, rows, imported_at, inputs }) => (
          <>
            {source} · {formatRows(rows)}
            {import_id !== null && ` · ${say.import} ${import_id}, ${when(imported_at)}`}
            {inputs !== null && <small> {inputs.listed.map(({ name }) => name).join(', ')}</small>}
          </>
        )}
      </Items>
      {rejected.length > 0 && (
        <p>
          {say.rejected}:{' '}
          {rejected.map(({ reason, rows }) => `${reason} ${formatCount(rows)}`).join(', ')}
        </p>
      )}
    </Step>
  );
}

function rangeOf({ from, to }: Explanation): { readonly from?: string; readonly to?: string } {
  return { ...(from === null ? {} : { from }), ...(to === null ? {} : { to }) };
}

function Files({ found: { files }, when }: TimedPart) {
  const say = provenanceWords.value;
  if (files.total === 0) return null;
  return (
    <Step title={say.files(formatCount(files.total))}>
      <Items of={files}>
        {({ path, rows, sha256, commit }) => (
          <>
            <Path of={path} />
            <Digest of={sha256} />
            <br />
            {formatRows(rows)} ·{' '}
            {commit === null
              ? say.noCommit
              : say.commit(formatCount(commit.version), when(commit.at), commit.operation)}
          </>
        )}
      </Items>
    </Step>
  );
}

function Log({ found: { offsets } }: Part) {
  const say = provenanceWords.value;
  if (offsets.total === 0) return null;
  return (
    <Step title={say.log}>
      <Items of={offsets}>
        {({ log_id, log_partition, first_offset, last_offset, count }) => (
          <>
            {say.partition(String(log_partition))} ·{' '}
            {first_offset === last_offset ? first_offset : `${first_offset} – ${last_offset}`} ·{' '}
            {formatRows(count)}
            <small> {log_id}</small>
          </>
        )}
      </Items>
    </Step>
  );
}

function Raw({ found: { raw } }: Part) {
  const say = provenanceWords.value;
  if (raw.files.total === 0) return null;
  return (
    <Step title={say.raw}>
      <Items of={raw.files}>
        {({ path, sha256, table_version, pending }) => (
          <>
            <code>{path}</code>
            <Digest of={sha256} />
            {table_version === null && ` · ${say.unwritten}`}
            {pending && ` · ${say.pending}`}
          </>
        )}
      </Items>
    </Step>
  );
}

function Answer({ found: { observation } }: Part) {
  const response = observation?.response ?? null;
  if (response === null) return null;
  return (
    <Step title={provenanceWords.value.answer}>
      <pre>{indent(response)}</pre>
    </Step>
  );
}

/** JSON with line breaks; anything else as it came. */
function indent(response: string): string {
  try {
    return JSON.stringify(JSON.parse(response), null, 2);
  } catch {
    return response;
  }
}
