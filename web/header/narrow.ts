/** A phone or a small window: what does not fit beside the weather lies in a menu. */
import { signal } from '@preact/signals';

const query = matchMedia('(width < 900px)');

export const narrow = signal(query.matches);
/** Whether that menu is open. */
export const isMenuOpen = signal(false);

query.addEventListener('change', ({ matches }) => {
  narrow.value = matches;
  isMenuOpen.value = false;
});
