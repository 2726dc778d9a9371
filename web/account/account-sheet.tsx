/** The sheet of the account: who is logged in, a new password, and where else. */
import { signal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { SessionsAnswer } from '../../src/api/access-schemas.ts';
import type { Principal } from '../../src/model/access.ts';
import { createClient } from '../client/fetching.ts';
import { createResource } from '../client/resource.ts';
import type { Store } from '../client/store.ts';
import { words } from '../words/words.ts';
import { session } from './account.ts';
import { accountWords } from './account-words.ts';
import { PasswordPanel } from './password-panel.tsx';
import { SessionsPanel } from './sessions-panel.tsx';
import './account.css';

type Login = 'local' | 'oidc' | 'proxy';

export function AccountSheet({ store }: { readonly store: Store }) {
  const { principal = null, login = 'none' } = session.value ?? {};
  const say = accountWords.value;
  if (principal === null || login === 'none') {
    return (
      <section class="panel" aria-labelledby="account-title">
        <header class="panel-head">
          <h2 id="account-title">{say.title}</h2>
        </header>
        <p>{say.noLogin}</p>
      </section>
    );
  }
  return (
    <div class="account-sheet">
      {login === 'proxy' ? (
        <>
          <WhoPanel principal={principal} login={login} />
          <section class="panel" aria-labelledby="sessions-title">
            <header class="panel-head">
              <h2 id="sessions-title">{say.sessions.title}</h2>
            </header>
            <p>{say.sessions.elsewhere}</p>
          </section>
        </>
      ) : (
        <Kept store={store} principal={principal} login={login} />
      )}
    </div>
  );
}

interface WhoProps {
  readonly principal: Principal;
  readonly login: Login;
}

/** Where isobar keeps the sessions. */
function Kept({ store, principal, login }: WhoProps & { readonly store: Store }) {
  const sessions = useMemo(
    () =>
      createResource<SessionsAnswer>(
        createClient(fetch.bind(globalThis), () => {}),
        signal('api/sessions'),
      ),
    [],
  );
  const current = sessions.answer.value?.data.find((one) => one.current)?.login ?? login;
  return (
    <>
      <WhoPanel principal={principal} login={current} />
      {current === 'local' && (
        <PasswordPanel name={principal.name} onChanged={() => void sessions.refresh()} />
      )}
      <SessionsPanel store={store} sessions={sessions} />
    </>
  );
}

function WhoPanel({ principal, login }: WhoProps) {
  const say = accountWords.value;
  const { account } = words.value;
  const facts = [
    [account.name, principal.name],
    [say.role, account.roles[principal.role]],
    [say.cities, principal.cities?.join(', ') ?? say.allCities],
    [say.login, say.logins[login]],
  ] as const;
  return (
    <section class="panel" id="account" aria-labelledby="account-title">
      <header class="panel-head">
        <h2 id="account-title">{say.title}</h2>
      </header>
      <dl class="account-facts">
        {facts.map(([term, value]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
