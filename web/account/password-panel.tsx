import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { PASSWORD_CHARACTERS } from '../../src/model/access.ts';
import type { Trouble } from '../client/fetching.ts';
import { formatCount } from '../format/numbers.ts';
import { TroubleNote } from '../panel/trouble-note.tsx';
import { AccountForm } from './account-form.tsx';
import { accountWords, wrongPassword } from './account-words.ts';
import { changePassword } from './own-account.ts';
import { PasswordField } from './password-field.tsx';

type Field = 'old_password' | 'new_password';

/** What is wrong with one field, or with the whole. */
type Problem =
  | { readonly field: Field; readonly text: string; readonly reason?: string }
  | { readonly field: null; readonly trouble: Trouble };

export function PasswordPanel({ name, onChanged }: { readonly name: string; onChanged(): void }) {
  const say = accountWords.value.password;
  const least = PASSWORD_CHARACTERS.least;
  const [old, next] = [useSignal(''), useSignal('')];
  const [isShown, isAsking, isChanged] = [useSignal(false), useSignal(false), useSignal(false)];
  const problem = useSignal<Problem | null>(null);
  const inputs = { old_password: useRef<HTMLInputElement>(null), new_password: useRef(null) };
  // Where it is wrong, people go on.
  useEffect(() => {
    const field = problem.value?.field ?? null;
    if (field !== null) (inputs[field].current as HTMLInputElement | null)?.focus();
  }, [problem.value]);
  const problemOf = (field: Field) => {
    const found = problem.value;
    if (found === null || found.field !== field) return null;
    return (
      <>
        {found.text}
        {found.reason !== undefined && <span lang="en"> {found.reason}</span>}
      </>
    );
  };
  const submit = async () => {
    isChanged.value = false;
    problem.value = findProblem(old.value, next.value, least);
    if (problem.value !== null) return;
    isAsking.value = true;
    const trouble = await changePassword(old.value, next.value);
    isAsking.value = false;
    problem.value = trouble && explain(trouble);
    if (trouble !== null) return;
    old.value = next.value = '';
    isChanged.value = true;
    onChanged();
  };
  return (
    <section class="panel" id="password" aria-labelledby="password-title">
      <header class="panel-head">
        <h2 id="password-title">{say.title}</h2>
        <p class="subtitle">{say.subtitle}</p>
      </header>
      <AccountForm isAsking={isAsking} submit={submit}>
        {/* So that password managers know whose it is. */}
        <input
          class="unseen"
          type="text"
          autocomplete="username"
          value={name}
          readOnly
          tabIndex={-1}
          aria-hidden="true"
        />
        <PasswordField
          id="old-password"
          label={say.old}
          value={old}
          autocomplete="current-password"
          problem={problemOf('old_password')}
          isShown={isShown.value}
          input={inputs.old_password}
        />
        <PasswordField
          id="new-password"
          label={say.new}
          value={next}
          autocomplete="new-password"
          hint={say.hint(formatCount(least))}
          problem={problemOf('new_password')}
          isShown={isShown.value}
          input={inputs.new_password}
        />
        <label class="switch">
          <input
            type="checkbox"
            checked={isShown.value}
            onChange={({ currentTarget }) => {
              isShown.value = currentTarget.checked;
            }}
          />{' '}
          {say.show}
        </label>
        <button type="submit" class="main-button" aria-disabled={isAsking.value}>
          {say.change}
        </button>
        <TroubleNote trouble={problem.value?.field === null ? problem.value.trouble : null} />
        <p role="status" class="good">
          {isChanged.value && <>✓ {say.changed}</>}
        </p>
      </AccountForm>
    </section>
  );
}

/** What the server need not be asked. */
function findProblem(old: string, next: string, least: number): Problem | null {
  const say = accountWords.peek().password;
  const { length } = [...next];
  if (old === '') return { field: 'old_password', text: say.needed };
  if (next === '') return { field: 'new_password', text: say.needed };
  if (length >= least) return null;
  const text = say.short(formatCount(least), formatCount(length));
  return { field: 'new_password', text };
}

function explain(trouble: Trouble): Problem {
  const say = accountWords.peek().password;
  const wrong = wrongPassword(trouble);
  if (wrong !== null) return { field: 'old_password', text: wrong };
  if (trouble.code !== 'PASSWORD_WEAK') return { field: null, trouble };
  const reason = String(trouble.detail).replace(/^\w+: /, '');
  return { field: 'new_password', text: say.weak, reason };
}
