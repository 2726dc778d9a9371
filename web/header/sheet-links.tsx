import type { ComponentChildren } from 'preact';
import { seesAll } from '../account/account.ts';
import { chooseView, type Store } from '../client/store.ts';
import { formatView, SHEETS, type Sheet } from '../client/view.ts';
import { words } from '../words/words.ts';
import { isMenuOpen } from './narrow.ts';

/**
 * The sheets of the page; incidents have none where alerts are switched off, and the pipeline none
 * for those who see some cities. The name of whoever is logged in leads to the account.
 */
export function SheetLinks({ store }: { readonly store: Store }) {
  const isOff: Partial<Record<Sheet, boolean>> = {
    incidents: store.status.answer.value?.data.alerts === null,
    pipeline: seesAll.value === false,
    account: true,
  };
  return (
    <nav class="sheets" aria-label={words.value.sheets.label}>
      {SHEETS.filter((sheet) => !isOff[sheet]).map((sheet) => (
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
