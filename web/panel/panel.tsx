import { type Signal, useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import type { AlertRulesAnswer, IncidentsAnswer } from '../../src/api/alert-schemas.ts';
import type { Meta } from '../../src/api/schemas.ts';
import type { StatusAnswer } from '../../src/api/status-schemas.ts';
import type { Trouble } from '../client/fetching.ts';
import { widerRange } from '../client/range.ts';
import type { Resource } from '../client/resource.ts';
import { chooseView, type Store } from '../client/store.ts';
import { formatAge, isHistory } from '../format/ages.ts';
import { formatClock, formatDay, formatTime, zoneOf, zoneWithoutCity } from '../format/times.ts';
import { words } from '../words/words.ts';
import { Guard } from './guard.tsx';
import { Menu, type MenuItem } from './menu.tsx';
import { savePanel } from './save-panel.ts';
import { Skeleton } from './skeleton.tsx';

/** What every answer of the API has. */
interface Told {
  readonly meta: Meta | StatusAnswer['meta'] | IncidentsAnswer['meta'] | AlertRulesAnswer['meta'];
  readonly data: unknown;
}

export interface PanelProps<T extends Told> {
  readonly id: string;
  readonly title: string;
  /** What is drawn: unit, clock. */
  readonly subtitle?: ComponentChildren;
  /** The marks of the drawing with what they mean. */
  readonly legend?: ComponentChildren;
  readonly store: Store;
  readonly resource: Resource<T>;
  /** What the files answer where that is another question; null if the answer is not a table. */
  readonly rows?: string | null;
  /** Whether it shows its data as a table, too; none where it always does. */
  readonly table?: Signal<boolean>;
  /** Actions of its own, at the end of the menu. */
  readonly actions?: readonly MenuItem[];
  /** Whether what it draws takes the height of the panels beside it. */
  readonly fills?: boolean;
  /** Height that the panel keeps free before its data is there, px. */
  readonly height: number;
  /** Whether it leaves it to the header to say how old its data is. */
  readonly ageless?: boolean;
  /** Whether there is nothing to show; by default when the answer has no row. */
  readonly isEmpty?: (answer: T) => boolean;
  /** What emptiness means, where the answer gives no reason. */
  readonly emptyText?: string;
  /** Whether a longer range may help. */
  readonly widen?: boolean;
  readonly children: (answer: T) => ComponentChildren;
}

/** The frame of every panel: its title, and one of skeleton, data, empty, stale or error. */
export function Panel<T extends Told>(props: PanelProps<T>) {
  const { id, title, subtitle, store, resource, legend, fills } = props;
  const failed = useSignal(false);
  const save = () => {
    savePanel(id, store).then(
      () => {
        failed.value = false;
      },
      () => {
        failed.value = true;
      },
    );
  };
  const answer = resource.answer.value;
  const outdated = resource.outdated.value;
  return (
    <section
      class={fills ? 'panel fills' : 'panel'}
      id={id}
      aria-labelledby={`${id}-title`}
      aria-busy={outdated || (answer === null && !hasNothingToAsk(props))}
    >
      <header class="panel-head">
        <h2 id={`${id}-title`}>{title}</h2>
        {subtitle !== undefined && <p class="subtitle">{subtitle}</p>}
        {outdated && resource.trouble.value === null && (
          <p class="updating">{words.value.panel.updating}</p>
        )}
        {answer !== null && <AgeNote store={store} told={metaOf(props, answer)} />}
        {failed.value && (
          <p class="age-note alert" role="alert">
            ▲ {words.value.panel.noPicture}
          </p>
        )}
        <div class="actions">
          <Menu
            id={`${id}-menu`}
            label={words.value.panel.actions(title)}
            items={actionsOf(props, save)}
          />
        </div>
        {legend}
      </header>
      <PanelBody {...props} />
    </section>
  );
}

function PanelBody<T extends Told>(props: PanelProps<T>) {
  const { store, resource, height } = props;
  const answer = resource.answer.value;
  const trouble = resource.trouble.value;
  if (answer === null) {
    if (trouble === null && hasNothingToAsk(props)) {
      return (
        <div class="state">
          <p>{words.value.panel.noCity}</p>
        </div>
      );
    }
    return trouble === null ? (
      <Skeleton height={height} />
    ) : (
      <div class="state" style={{ minHeight: `${height}px` }}>
        <TroubleText trouble={trouble} resource={resource} store={store} />
      </div>
    );
  }
  return (
    <>
      {trouble !== null && (
        <div class="notice">
          <TroubleText trouble={trouble} resource={resource} store={store} />
        </div>
      )}
      <div class={`panel-body${bodyState(props, answer)}`}>
        <Guard of={answer}>
          <Content {...props} answer={answer} />
        </Guard>
      </div>
    </>
  );
}

/** A component of its own, so that what throws in it does so below the guard. */
function Content<T extends Told>(props: PanelProps<T> & { readonly answer: T }): ComponentChildren {
  const { answer, isEmpty = hasNoRow, children } = props;
  return isEmpty(answer) ? <Empty {...props} /> : children(answer);
}

function hasNoRow({ data }: Told): boolean {
  return Array.isArray(data) && data.length === 0;
}

/** How old and how complete an answer is; null where the panel does not say that. */
function metaOf<T extends Told>({ ageless }: PanelProps<T>, { meta }: T): Meta | null {
  return ageless || !('stale' in meta) ? null : meta;
}

/** Drawings are dimmed while they answer another question, and less so when they are old. */
function bodyState<T extends Told>(props: PanelProps<T>, answer: T): string {
  if (props.resource.outdated.value) return ' outdated';
  const meta = metaOf(props, answer);
  return meta?.stale && !isHistory(meta.source) ? ' old' : '';
}

/** Whether nothing can be asked because no city is known. */
function hasNothingToAsk<T extends Told>({ store, resource }: PanelProps<T>): boolean {
  return resource.path.value === null && store.cities.answer.value?.data.length === 0;
}

interface TroubleProps<T> {
  readonly trouble: Trouble;
  readonly resource: Resource<T>;
  readonly store: Store;
}

function TroubleText<T>({ trouble, resource, store }: TroubleProps<T>) {
  const goodAt = resource.goodAt.value;
  const zone = zoneWithoutCity(store.address.view.value.clock);
  const say = words.value.panel;
  return (
    <p>
      <span lang={trouble.told ? 'en' : undefined}>
        <span class="alert">▲ {trouble.what}</span> {trouble.remedy}
      </span>{' '}
      {goodAt !== null && `${say.rightAt(formatClock(goodAt, zone))} `}
      <button type="button" class="link" onClick={() => void resource.refresh()}>
        {say.tryAgain}
      </button>
    </p>
  );
}

/** History that ends this much before the end of all history shows its own end. */
const EARLIER_MS = 86_400_000;

/** Old data is not hidden but marked as old; history shows when it ends. */
function AgeNote({ store, told }: { readonly store: Store; readonly told: Meta | null }) {
  if (told === null || !told.stale || told.observed_to === null) return null;
  const say = words.value.panel;
  const newest = Date.parse(told.observed_to);
  const now = store.clock.now.value;
  if (isHistory(told.source)) {
    // The header says when all of it ends.
    const end = Date.parse(store.cities.answer.value?.meta.observed_to ?? '');
    if (end - newest < EARLIER_MS) return null;
    return <p class="age-note">{say.upTo(formatDay(newest, zoneOf('utc', null), now))}</p>;
  }
  return (
    <p class="age-note alert" title={told.reason ?? undefined}>
      ▲ {say.stale(formatAge((now - newest) / 1_000))}
    </p>
  );
}

/** A long table that is empty need not keep its room, px. */
const EMPTY_HEIGHT_MAX = 300;

function Empty<T extends Told>(props: PanelProps<T> & { readonly answer: T }) {
  const { store, answer, emptyText, widen, height } = props;
  const reason = metaOf(props, answer)?.reason ?? null;
  const zone = zoneWithoutCity(store.address.view.value.clock);
  const wider = widerRange(store.address.view.value.range);
  const say = words.value;
  return (
    <div class="state" style={{ minHeight: `${Math.min(height, EMPTY_HEIGHT_MAX)}px` }}>
      {reason === null ? (
        <p>{emptyText ?? say.panel.empty}</p>
      ) : (
        <p lang="en">{sentence(reason, zone, store.clock.now.peek())}</p>
      )}
      {widen && store.address.view.value.range !== 'all' && (
        <p>
          <button type="button" class="plain" onClick={() => chooseView(store, { range: wider })}>
            {say.panel.widen(say.range.names[wider])}
          </button>
        </p>
      )}
    </div>
  );
}

/** A reason of the API as a sentence, its times on the reader's clock. */
function sentence(reason: string, zone: string, now: number): string {
  const text = reason.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, (time) =>
    formatTime(Date.parse(time), zone, now),
  );
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}

const FILES = { CSV: 'csv', Excel: 'csv&excel=1', Parquet: 'parquet' };

/** The same data elsewhere: as a table, as files, from the API, as a picture, and by its link. */
function actionsOf<T extends Told>(
  props: PanelProps<T>,
  savePicture: () => void,
): readonly MenuItem[] {
  const { id, table, rows, resource, actions = [] } = props;
  const path = resource.path.value;
  const question = rows === undefined ? path : rows;
  const say = words.value.panel;
  const files = Object.entries(FILES).map(([name, format]) => ({
    name,
    href: `${question}${question?.includes('?') ? '&' : '?'}format=${format}`,
    download: true,
  }));
  const toggle = { checked: table?.value ?? false, onSelect: () => flip(table) };
  return [
    ...(table === undefined ? [] : [{ name: say.table, ...toggle }]),
    ...(question === null ? [] : files),
    ...(path === null ? [] : [{ name: 'API', href: path, beside: true }]),
    ...(resource.answer.value === null ? [] : [{ name: 'PNG', onSelect: savePicture }]),
    { name: say.link, href: `#${id}` },
    ...actions,
  ];
}

function flip(table: Signal<boolean> | undefined): void {
  if (table !== undefined) table.value = !table.value;
}
