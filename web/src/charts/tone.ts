import { type ReadonlySignal, signal } from '@preact/signals';
import type { Store } from '../client/store.ts';
import type { Tone } from './colours.ts';

const dark = matchMedia('(prefers-color-scheme: dark)');
const prefersDark = signal(dark.matches);
dark.addEventListener('change', ({ matches }) => {
  prefersDark.value = matches;
});

/** Light or dark, as chosen, else as the machine prefers. */
export function toneOf(store: Store, preferred: ReadonlySignal<boolean> = prefersDark): Tone {
  const { theme } = store.address.view.value;
  if (theme !== 'auto') return theme;
  return preferred.value ? 'dark' : 'light';
}
