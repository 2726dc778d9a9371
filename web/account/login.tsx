import { useSignal } from '@preact/signals';
import type { Trouble } from '../client/fetching.ts';
import { words } from '../words/words.ts';
import { logIn, session } from './account.ts';
import './login.css';

/** In place of the sheets, until a login. */
export function Login() {
  const say = words.value.account;
  const name = useSignal('');
  const password = useSignal('');
  const trouble = useSignal<Trouble | null>(null);
  const isAsking = useSignal(false);
  const { search } = location;
  const { start = null, label = '', passwords = true } = session.value ?? {};
  return (
    <form
      class="login"
      onSubmit={async (event) => {
        event.preventDefault();
        isAsking.value = true;
        trouble.value = await logIn(name.value.trim(), password.value);
        isAsking.value = false;
        password.value = '';
      }}
    >
      <h2>{say.logIn}</h2>
      {start !== null && (
        <a
          class="way"
          href={label === '' ? `.${search}` : `${start}?to=${encodeURIComponent(`/${search}`)}`}
        >
          {label === '' ? say.logIn : say.logInWith(label)}
        </a>
      )}
      {passwords && (
        <>
          <label>
            {say.name}
            <input
              name="username"
              autocomplete="username"
              autocapitalize="none"
              spellcheck={false}
              required
              value={name.value}
              onInput={(event) => {
                name.value = event.currentTarget.value;
              }}
            />
          </label>
          <label>
            {say.password}
            <input
              name="password"
              type="password"
              autocomplete="current-password"
              required
              value={password.value}
              onInput={(event) => {
                password.value = event.currentTarget.value;
              }}
            />
          </label>
          {trouble.value !== null && (
            <p role="alert" class="alert">
              {trouble.value.what} {trouble.value.remedy}
            </p>
          )}
          <button type="submit" disabled={isAsking.value}>
            {say.logIn}
          </button>
        </>
      )}
    </form>
  );
}
