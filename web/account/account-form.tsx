import type { ReadonlySignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';

export interface AccountFormProps {
  /** Whether an answer is awaited: until it comes, nothing is sent a second time. */
  readonly isAsking: ReadonlySignal<boolean>;
  submit(): Promise<void>;
  readonly children: ComponentChildren;
}

/** A form that says by itself what is wrong, beside the fields. */
export function AccountForm({ isAsking, submit, children }: AccountFormProps) {
  return (
    <form
      class="account-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!isAsking.value) void submit();
      }}
    >
      {children}
    </form>
  );
}
