import type { Signal } from '@preact/signals';
import type { ComponentChildren, RefObject } from 'preact';

export interface PasswordFieldProps {
  readonly id: string;
  readonly label: string;
  readonly value: Signal<string>;
  readonly autocomplete: 'current-password' | 'new-password';
  /** What it has to be like. */
  readonly hint?: string;
  /** What is wrong with it; null when nothing is. */
  readonly problem: ComponentChildren | null;
  readonly isShown?: boolean;
  readonly input: RefObject<HTMLInputElement>;
}

/** A password with its label, and what is wrong with it beside it. */
export function PasswordField(props: PasswordFieldProps) {
  const { id, label, value, autocomplete, hint, problem, isShown = false, input } = props;
  const described = [hint && `${id}-hint`, problem !== null && `${id}-problem`].filter(Boolean);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        ref={input}
        id={id}
        type={isShown ? 'text' : 'password'}
        autocomplete={autocomplete}
        autocapitalize="none"
        spellcheck={false}
        aria-describedby={described.join(' ') || undefined}
        aria-invalid={problem !== null}
        value={value.value}
        onInput={({ currentTarget }) => {
          value.value = currentTarget.value;
        }}
      />
      <p id={`${id}-problem`} class="alert" role="alert">
        {problem !== null && <>▲ {problem}</>}
      </p>
      {hint !== undefined && (
        <p id={`${id}-hint`} class="quiet">
          {hint}
        </p>
      )}
    </div>
  );
}
