import { type Signal, useSignal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Store } from '../client/store.ts';
import { words } from '../words/words.ts';
import { Skeleton } from './skeleton.tsx';

type SheetOf = ComponentType<{ readonly store: Store }>;

/** A sheet that is loaded when it is first opened, so that the others need not wait for it. */
export function LaterSheet({
  store,
  load,
}: {
  readonly store: Store;
  readonly load: () => Promise<SheetOf>;
}) {
  // In an object, since a component is a function, which a signal's setter would not take as it is.
  const loaded = useSignal<{ readonly Sheet: SheetOf } | null>(null);
  const failed = useSignal(false);
  useEffect(() => {
    void begin(load, loaded, failed);
  }, [load, loaded, failed]);
  if (loaded.value !== null) return <loaded.value.Sheet store={store} />;
  const say = words.value;
  return (
    <section class="panel" aria-busy={!failed.value}>
      {failed.value ? (
        <p role="alert">
          <span class="alert">▲ {say.trouble.silent}</span>{' '}
          <button type="button" class="link" onClick={() => void begin(load, loaded, failed)}>
            {say.panel.tryAgain}
          </button>
        </p>
      ) : (
        <Skeleton height={320} />
      )}
    </section>
  );
}

async function begin(
  load: () => Promise<SheetOf>,
  loaded: Signal<{ readonly Sheet: SheetOf } | null>,
  failed: Signal<boolean>,
): Promise<void> {
  failed.value = false;
  try {
    loaded.value = { Sheet: await load() };
  } catch {
    failed.value = true;
  }
}
