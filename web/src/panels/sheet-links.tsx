import { chooseView, type Store } from '../client/store.ts';
import { formatView, SHEETS } from '../client/view.ts';
import { words } from '../words/words.ts';

/** The weather, and the path of its data: two sheets of one page. */
export function SheetLinks({ store }: { readonly store: Store }) {
  const view = store.address.view.value;
  return (
    <nav class="sheets" aria-label={words.value.sheets.label}>
      {SHEETS.map((sheet) => (
        <a
          key={sheet}
          // An address with no query is the folder itself.
          href={formatView({ ...view, sheet }) || './'}
          aria-current={view.sheet === sheet ? 'page' : undefined}
          onClick={(event) => {
            // Another window is the browser's matter.
            if (event.ctrlKey || event.metaKey || event.shiftKey) return;
            event.preventDefault();
            chooseView(store, { sheet });
          }}
        >
          {words.value.sheets[sheet]}
        </a>
      ))}
    </nav>
  );
}
