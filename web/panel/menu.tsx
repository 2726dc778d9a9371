/** A menu button: https://www.w3.org/WAI/ARIA/apg/patterns/menu-button/. */
import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';

export interface MenuItem {
  readonly name: string;
  /** Where a link leads; an item without one acts. */
  readonly href?: string;
  readonly download?: boolean;
  /** Whether a link opens beside the page. */
  readonly beside?: boolean;
  /** Of an item that is on or off. */
  readonly checked?: boolean;
  onSelect?(): void;
}

export interface MenuProps {
  readonly id: string;
  readonly label: string;
  readonly items: readonly MenuItem[];
}

/** Letters that follow each other faster than this are one word. */
const TYPING_MS = 600;

export function Menu({ id, label, items }: MenuProps) {
  const open = useSignal<'first' | 'last' | null>(null);
  const button = useRef<HTMLButtonElement>(null);
  const close = (returns: boolean) => {
    open.value = null;
    if (returns) button.current?.focus();
  };
  return (
    <div
      class="menu"
      onFocusOut={({ currentTarget, relatedTarget }) => {
        if (!currentTarget.contains(relatedTarget as Node | null)) close(false);
      }}
    >
      <button
        ref={button}
        type="button"
        class="menu-button"
        id={`${id}-button`}
        aria-haspopup="menu"
        aria-expanded={open.value !== null}
        aria-controls={open.value === null ? undefined : id}
        aria-label={label}
        title={label}
        onClick={() => {
          open.value = open.value === null ? 'first' : null;
        }}
        onKeyDown={(event) => {
          const at = { ArrowDown: 'first', ArrowUp: 'last' } as const;
          const place = at[event.key as keyof typeof at];
          if (place === undefined) return;
          event.preventDefault();
          open.value = place;
        }}
      >
        <span aria-hidden="true">⋯</span>
      </button>
      {open.value !== null && <Items {...{ id, items, close }} begin={open.value} />}
    </div>
  );
}

interface ItemsProps {
  readonly id: string;
  readonly items: readonly MenuItem[];
  readonly begin: 'first' | 'last';
  close(returns: boolean): void;
}

function Items({ id, items, begin, close }: ItemsProps) {
  const list = useRef<HTMLDivElement>(null);
  const typed = useRef({ text: '', at: 0 });
  const elements = () => [...(list.current?.children ?? [])] as HTMLElement[];
  const focus = (place: number) =>
    elements()
      .at(place % items.length)
      ?.focus();
  useLayoutEffect(() => focus(begin === 'first' ? 0 : -1), []);
  const here = () => elements().indexOf(document.activeElement as HTMLElement);
  const find = (letter: string, time: number) => {
    const { text, at } = typed.current;
    const before = time - at < TYPING_MS ? text : '';
    typed.current = { text: before + letter.toLowerCase(), at: time };
    // The same letter again goes on to the next item with it.
    const wanted = [...typed.current.text].every((one) => one === letter.toLowerCase())
      ? letter.toLowerCase()
      : typed.current.text;
    const start = here() + (wanted.length === 1 ? 1 : 0);
    const order = items.map((_, index) => (start + index) % items.length);
    const found = order.find((place) => items[place]?.name.toLowerCase().startsWith(wanted));
    if (found !== undefined) focus(found);
  };
  const keys: Readonly<Record<string, () => void>> = {
    ArrowDown: () => focus(here() + 1),
    ArrowUp: () => focus(here() - 1),
    Home: () => focus(0),
    End: () => focus(-1),
    Escape: () => close(true),
    Enter: () => elements()[here()]?.click(),
    ' ': () => elements()[here()]?.click(),
  };
  return (
    <div
      ref={list}
      class="menu-items"
      id={id}
      role="menu"
      tabIndex={-1}
      aria-labelledby={`${id}-button`}
      onKeyDown={(event) => {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        const isLetter = event.key.length === 1 && event.key !== ' ';
        const act = isLetter ? () => find(event.key, event.timeStamp) : keys[event.key];
        if (act === undefined) return;
        // Nor do the page's shortcuts act.
        event.preventDefault();
        event.stopPropagation();
        act();
      }}
    >
      {items.map((item) => (
        <Item key={item.name} item={item} close={close} />
      ))}
    </div>
  );
}

function Item({ item, close }: { readonly item: MenuItem } & Pick<ItemsProps, 'close'>) {
  const { name, href, download, beside, checked, onSelect } = item;
  const shared = {
    tabIndex: -1,
    // Some browsers take the focus, and with it the menu, away before the click.
    onMouseDown: (event: Event) => event.preventDefault(),
    onPointerMove: (event: Event) => (event.currentTarget as HTMLElement).focus(),
    onClick: () => {
      close(true);
      onSelect?.();
    },
  };
  if (href !== undefined) {
    return (
      <a
        {...shared}
        role="menuitem"
        href={href}
        {...(download ? { download: '' } : {})}
        {...(beside ? { target: '_blank', rel: 'noreferrer' } : {})}
      >
        {name}
      </a>
    );
  }
  if (checked === undefined) {
    return (
      <button {...shared} type="button" role="menuitem">
        {name}
      </button>
    );
  }
  return (
    <button {...shared} type="button" role="menuitemcheckbox" aria-checked={checked}>
      {name}
    </button>
  );
}
