import type { ComponentChildren } from 'preact';
import { chooseView, type Store } from '../client/store.ts';
import { formatView, SHEETS, type Sheet } from '../client/view.ts';
import { words } from '../words/words.ts';
import { isMenuOpen } from './narrow.ts';

/** The weather, and the path of its data: two sheets of one page. */
export function SheetLinks({ store }: { readonly store: Store }) {
  return (
    <nav class="sheets" aria-label={words.value.sheets.label}>
      {SHEETS.map((sheet) => (
        <SheetLink key={sheet} store={store} sheet={sheet}>
          {words.value.sheets[sheet]}
        </SheetLink>
      ))}
    </nav>
  );
}

export interface SheetLinkProps {
  readonly store: Store;
  readonly sheet: Sheet;
  readonly class?: string;
  readonly title?: string;
  readonly children: ComponentChildren;
}

export function SheetLink({ store, sheet, children, ...attributes }: SheetLinkProps) {
  const view = store.address.view.value;
  return (
    <a
      {...attributes}
      // An address with no query is the folder itself.
      href={formatView({ ...view, sheet }) || './'}
      aria-current={view.sheet === sheet ? 'page' : undefined}
      onClick={(event) => {
        // Another window is the browser's matter.
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        isMenuOpen.value = false;
        chooseView(store, { sheet });
      }}
    >
      {children}
    </a>
  );
}
