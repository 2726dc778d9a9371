/** The view and the address of the page, kept the same in both directions. */
import { type ReadonlySignal, signal } from '@preact/signals';
import { formatView, parseView, type View } from './view.ts';

export interface Address {
  readonly view: ReadonlySignal<View>;
  /** A choice that "back" takes back. */
  choose(change: Partial<View>): void;
}

export function createAddress(): Address {
  const view = signal(parseView(location.search));
  addEventListener('popstate', () => {
    view.value = parseView(location.search);
  });
  return {
    view,
    choose(change) {
      const next = { ...view.value, ...change };
      const query = formatView(next);
      if (query === formatView(view.value)) return;
      history.pushState(null, '', `${location.pathname}${query}${location.hash}`);
      view.value = next;
    },
  };
}
