import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { words } from '../words/words.ts';

/** A window over the page, which Escape closes; the focus goes back to where it was. */
export function Window({
  title,
  subtitle,
  open,
  class: kind = '',
  children,
}: {
  readonly title: string;
  readonly subtitle?: string;
  readonly open: Signal<boolean>;
  readonly class?: string;
  readonly children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    if (open.value && !dialog.current?.open) dialog.current?.showModal();
    if (!open.value) dialog.current?.close();
  }, [open.value]);
  return (
    <dialog
      ref={dialog}
      class={`window ${kind}`}
      aria-label={title}
      onCancel={() => {
        open.value = false;
      }}
      onClose={() => {
        // The event comes later than the closing: a key may have opened the window again.
        if (!dialog.current?.open) open.value = false;
      }}
    >
      <div class="panel-head">
        <h2>{title}</h2>
        {subtitle !== undefined && <p class="subtitle">{subtitle}</p>}
        <div class="actions">
          <button type="button" class="plain" onClick={() => dialog.current?.close()}>
            {words.value.panel.close}
          </button>
        </div>
      </div>
      {children}
    </dialog>
  );
}
