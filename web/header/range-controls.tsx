import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { moveRange, zoomRange } from '../client/range.ts';
import { chooseView, type Store } from '../client/store.ts';
import { zoneOf } from '../format/times.ts';
import { words } from '../words/words.ts';
import { formatLocal, parseLocal } from './local-time.ts';

const STEP = 0.5;
const ZOOM = 2;

/** What a mouse does in the charts, as buttons: earlier, later, nearer, farther, from and to. */
export function RangeControls({ store }: { readonly store: Store }) {
  const open = useSignal(false);
  const say = words.value.range;
  const range = store.range.value;
  if (range === null) return null;
  const now = () => store.clock.now.peek();
  const buttons = [
    ['◀', say.earlier, () => moveRange(range, -STEP, now())],
    ['▶', say.later, () => moveRange(range, STEP, now())],
    ['+', say.shorter, () => zoomRange(range, 1 / ZOOM, now())],
    ['−', say.longer, () => zoomRange(range, ZOOM, now())],
  ] as const;
  return (
    <div class="range-controls">
      {buttons.map(([sign, label, change]) => (
        <button
          key={sign}
          type="button"
          class="plain small"
          aria-label={label}
          title={label}
          disabled={label === say.later && range.to >= now() - 1_000}
          onClick={() => chooseView(store, { range: change() })}
        >
          <span aria-hidden="true">{sign}</span>
        </button>
      ))}
      <button
        type="button"
        class="plain small"
        aria-expanded={open.value}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        {say.custom}
      </button>
      {open.value && (
        <CustomRange
          store={store}
          onDone={() => {
            open.value = false;
          }}
        />
      )}
    </div>
  );
}

function CustomRange({ store, onDone }: { readonly store: Store; onDone(): void }) {
  const from = useRef<HTMLInputElement>(null);
  const to = useRef<HTMLInputElement>(null);
  const wrong = useSignal(false);
  const say = words.value.range;
  const zone = zoneOf(store.address.view.value.clock, store.compared.value[0]?.time_zone);
  const range = store.range.peek();
  const apply = () => {
    const start = parseLocal(from.current?.value ?? '', zone);
    const end = parseLocal(to.current?.value ?? '', zone);
    wrong.value = start === null || end === null || start >= end;
    if (start === null || end === null || start >= end) return;
    chooseView(store, { range: { from: start, to: end } });
    onDone();
  };
  const field = (label: string, place: typeof from, at: number | undefined) => (
    <label>
      {label}
      <input
        ref={place}
        type="datetime-local"
        defaultValue={at === undefined ? '' : formatLocal(at, zone)}
        aria-invalid={wrong.value}
        onKeyDown={(event) => {
          if (event.key === 'Enter') apply();
          if (event.key === 'Escape') onDone();
        }}
      />
    </label>
  );
  return (
    <fieldset class="custom-range">
      <legend class="unseen">{say.custom}</legend>
      {field(say.from, from, range?.from)}
      {field(say.to, to, range?.to)}
      <button type="button" class="plain small" onClick={apply}>
        {say.show}
      </button>
      <span class="quiet">{zone}</span>
      {wrong.value && (
        <p class="alert" role="alert">
          ▲ {say.wrong}
        </p>
      )}
    </fieldset>
  );
}
