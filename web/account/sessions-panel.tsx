import { type Signal, useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { SessionsAnswer } from '../../src/api/access-schemas.ts';
import type { Trouble } from '../client/fetching.ts';
import type { Resource } from '../client/resource.ts';
import type { Store } from '../client/store.ts';
import { formatCount } from '../format/numbers.ts';
import { zoneWithoutCity } from '../format/times.ts';
import { Skeleton } from '../panel/skeleton.tsx';
import { type Column, Row, Table } from '../panel/table.tsx';
import { TimeCell } from '../panel/time-cell.tsx';
import { TroubleNote } from '../panel/trouble-note.tsx';
import { Window } from '../panel/window.tsx';
import { AccountForm } from './account-form.tsx';
import { accountWords, wrongPassword } from './account-words.ts';
import { browserName } from './browser-name.ts';
import { endSessions } from './own-account.ts';
import { PasswordField } from './password-field.tsx';

type Session = SessionsAnswer['data'][number];

/** What is about to be ended: one session, or all others. */
interface Ending {
  readonly session: string | null;
  readonly title: string;
  /** Which one it is. */
  readonly subtitle?: string;
}

export interface SessionsPanelProps {
  readonly store: Store;
  readonly sessions: Resource<SessionsAnswer>;
}

export function SessionsPanel({ store, sessions }: SessionsPanelProps) {
  const say = accountWords.value.sessions;
  const rows = sessions.answer.value?.data ?? null;
  const [ending, ended] = [useSignal<Ending | null>(null), useSignal<number | null>(null)];
  const isOpen = useSignal(false);
  const title = useRef<HTMLHeadingElement>(null);
  const begin = (what: Ending) => {
    ended.value = null;
    ending.value = what;
    isOpen.value = true;
  };
  return (
    <section
      class="panel"
      id="sessions"
      aria-labelledby="sessions-title"
      aria-busy={rows === null && sessions.trouble.value === null}
    >
      <header class="panel-head">
        <h2 ref={title} id="sessions-title" tabIndex={-1}>
          {say.title}
        </h2>
        <p class="subtitle">{say.subtitle}</p>
      </header>
      {rows === null ? (
        sessions.trouble.value === null && <Skeleton height={120} />
      ) : (
        <Sessions store={store} rows={rows} begin={begin} />
      )}
      <TroubleNote trouble={sessions.trouble.value} />
      <p role="status" class="good foot">
        {ended.value !== null && <>✓ {say.ended(formatCount(ended.value), ended.value === 1)}</>}
      </p>
      {isOpen.value && ending.value !== null && (
        <EndWindow
          ending={ending.value}
          open={isOpen}
          byPassword={rows?.find(({ current }) => current)?.login === 'local'}
          onEnded={(count) => {
            ended.value = count;
            // The button that was pressed goes with its row.
            void sessions.refresh().then(() => title.current?.focus());
          }}
        />
      )}
    </section>
  );
}

interface RowsProps {
  readonly store: Store;
  readonly rows: readonly Session[];
  begin(what: Ending): void;
}

function Sessions({ store, rows, begin }: RowsProps) {
  const say = accountWords.value.sessions;
  const zone = zoneWithoutCity(store.address.view.value.clock);
  const columns: readonly Column[] = [
    [say.browser],
    [say.used],
    [say.began],
    [say.from, 'wraps'],
    [say.end, 'action'],
  ];
  const cellsOf = ({ session_id, agent, address, seen_at, created_at, current }: Session) => {
    const browser = browserName(agent) ?? say.unknown;
    const ending = { session: session_id, title: say.endThis, subtitle: `${browser} · ${address}` };
    return [
      <span key="browser" title={agent}>
        {browser}
        {current && <small class="good">● {say.current}</small>}
      </span>,
      <TimeCell key="used" at={seen_at} zone={zone} store={store} mixed={false} />,
      <TimeCell key="began" at={created_at} zone={zone} store={store} mixed={false} />,
      address,
      !current && (
        <button
          key="end"
          type="button"
          class="plain"
          aria-label={say.endOne(browser, address)}
          onClick={() => begin(ending)}
        >
          {say.end}
        </button>
      ),
    ];
  };
  return (
    <>
      <Table label={say.title} class="stacks" columns={columns}>
        {rows.map((row) => (
          <Row key={row.session_id} columns={columns} cells={cellsOf(row)} />
        ))}
      </Table>
      <p class="foot">
        {rows.length > 1 ? (
          <button
            type="button"
            class="plain"
            onClick={() => begin({ session: null, title: say.endOthers })}
          >
            {say.endOthers}
          </button>
        ) : (
          <span class="quiet">{say.alone}</span>
        )}
      </p>
    </>
  );
}

interface EndWindowProps {
  readonly ending: Ending;
  readonly open: Signal<boolean>;
  /** Whether the password proves who one is; else a late login does. */
  readonly byPassword: boolean;
  onEnded(count: number): void;
}

/** Asks for the password first, where there is one. */
function EndWindow({ ending, open, byPassword, onEnded }: EndWindowProps) {
  const say = accountWords.value.sessions;
  const password = useSignal('');
  const trouble = useSignal<Trouble | null>(null);
  const isAsking = useSignal(false);
  const input = useRef<HTMLInputElement>(null);
  const submit = async () => {
    isAsking.value = true;
    const result = await endSessions(ending.session, byPassword ? password.value : null);
    isAsking.value = false;
    if (typeof result === 'number') {
      open.value = false;
      onEnded(result);
      return;
    }
    trouble.value = result;
    input.current?.focus();
  };
  const problem = trouble.value && wrongPassword(trouble.value);
  const isStale = trouble.value?.code === 'LOGIN_STALE';
  return (
    <Window {...ending} open={open} class="narrow">
      <AccountForm isAsking={isAsking} submit={submit}>
        {byPassword && (
          <>
            <p class="quiet">{say.confirm}</p>
            <PasswordField
              id="confirm-password"
              label={say.password}
              value={password}
              autocomplete="current-password"
              problem={problem}
              input={input}
            />
          </>
        )}
        {isStale ? (
          <p role="alert">
            <span class="alert">▲ {say.stale}</span>{' '}
            <a href={`api/oidc/login?to=${encodeURIComponent('/?sheet=account')}`}>{say.again}</a>
          </p>
        ) : (
          <TroubleNote trouble={problem === null ? trouble.value : null} />
        )}
        <button type="submit" class="main-button" aria-disabled={isAsking.value}>
          {ending.title}
        </button>
      </AccountForm>
    </Window>
  );
}
