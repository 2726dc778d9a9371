/** What keeps the page current: the event stream, or asking once a minute while there is none. */
import { batch, effect, type ReadonlySignal, signal, untracked } from '@preact/signals';
import { overlay } from '../cities/city-list.ts';
import { createStream } from './events.ts';
import { refreshAll, type Store } from './store.ts';

/** Polling interval without a stream. */
const POLL_MS = 60_000;
/** Versions that follow each other fast are fetched once. */
const VERSION_DELAY_MS = 250;
const VERSION_SPACING_MS = 4_000;
const STATUS_DELAY_MS = 1_500;
const STATUS_SPACING_MS = 5_000;
/** The services are not asked more often themselves. */
const ENGINES_SPACING_MS = 15_000;
/** Less than the status needs: people wait for what they have just done. */
const INCIDENTS_DELAY_MS = 300;
const INCIDENTS_SPACING_MS = 2_000;

/** Runs for as long as the page lives; sleeps while it is hidden or paused. */
export function startUpdating(store: Store): void {
  const visible = signal(!document.hidden);
  document.addEventListener('visibilitychange', () => {
    visible.value = !document.hidden;
  });

  const data = spaced(VERSION_DELAY_MS, VERSION_SPACING_MS, () => refreshAll(store));
  const engines = spaced(0, ENGINES_SPACING_MS, () => store.engines.refresh());
  const status = spaced(STATUS_DELAY_MS, STATUS_SPACING_MS, () => {
    engines.call();
    return store.status.refresh();
  });

  const incidents = spaced(INCIDENTS_DELAY_MS, INCIDENTS_SPACING_MS, async () => {
    await Promise.all([store.status.refresh(), store.incidents.refresh()]);
  });

  const stream = createStream({
    onObservations(events) {
      store.live.value = overlay(store.live.value, events);
      status.call();
    },
    onVersion: data.call,
    onStatus() {
      incidents.call();
      engines.call();
    },
    onReset() {
      store.live.value = new Map();
      data.call();
    },
    onState(state) {
      const before = store.stream.peek();
      batch(() => {
        store.stream.value = state;
        if (state === 'open') store.reached.value = true;
      });
      // Events from the time without a stream are not sent again, so everything is fetched; after
      // a loss, the next answer shows whether the server can be reached.
      if (state === 'open' && before === 'lost') data.call();
      if (state === 'lost') status.call();
    },
  });

  followClock(store, visible);
  followAge(store, data);
  sleepUnseen(store, visible, { stream, data, status, engines, incidents });
  poll(store, visible, status);
}

type Spaced = ReturnType<typeof spaced>;
type Visible = ReadonlySignal<boolean>;

/** The clock is the server's, and stands while the page is not seen. */
function followClock(store: Store, visible: Visible): void {
  effect(() => {
    const { answer } = store.status;
    const time = answer.value?.meta.answered_at;
    if (time !== undefined) untracked(() => store.clock.set(Date.parse(time)));
  });

  effect(() => {
    if (visible.value) store.clock.start();
    else store.clock.stop();
  });
}

/** What grows too old does so without a version. */
function followAge(store: Store, data: Spaced): void {
  let wasStale: boolean | undefined;
  effect(() => {
    const isStale = store.cities.answer.value?.meta.stale;
    if (wasStale !== undefined && isStale !== wasStale) untracked(data.call);
    wasStale = isStale;
  });
}

interface Sources {
  readonly stream: ReturnType<typeof createStream>;
  readonly data: Spaced;
  readonly status: Spaced;
  readonly engines: Spaced;
  readonly incidents: Spaced;
}

/** Nothing is asked while the page is hidden or paused. */
function sleepUnseen(store: Store, visible: Visible, sources: Sources): void {
  const { stream, data, status, engines, incidents } = sources;
  let slept = false;
  effect(() => {
    if (!visible.value || store.paused.value) {
      slept = true;
      return;
    }
    // The stream goes on where it was and sends what was missed, and a new version if there is one.
    if (slept) void store.cities.refresh();
    // Nothing is lost between the answer and the stream: the stream begins where the answer ended.
    const position = untracked(() => store.cities.answer.value?.meta.position ?? null);
    if (position !== null || slept) stream.open(position);
    else {
      const stop = store.cities.answer.subscribe((answer) => {
        if (answer !== null) stream.open(answer.meta.position);
      });
      return () => {
        stop();
        asleep();
      };
    }
    return asleep;
  });

  function asleep(): void {
    stream.close();
    data.cancel();
    status.cancel();
    engines.cancel();
    incidents.cancel();
  }
}

function poll(store: Store, visible: Visible, status: Spaced): void {
  effect(() => {
    if (!visible.value || store.paused.value) return;
    const lost = store.stream.value === 'lost';
    const timer = setInterval(() => {
      if (lost) void refreshAll(store);
      else {
        status.call();
        void store.cities.refresh();
        void store.incidents.refresh();
      }
    }, POLL_MS);
    return () => clearInterval(timer);
  });

  // "next in 38 s" ends at a poll: soon after it there is a new time to show.
  effect(() => {
    const due = store.status.answer.value?.data.collector?.next_poll_at;
    if (!due || !visible.value || store.paused.value) return;
    const wait = Date.parse(due) - untracked(() => store.clock.now.value);
    const timer = setTimeout(status.call, Math.max(0, wait));
    return () => clearTimeout(timer);
  });
}

/** Calls `run` after `delay`, however often it is asked to, and not more often than `spacing`. */
function spaced(delay: number, spacing: number, run: () => Promise<void>) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = Number.NEGATIVE_INFINITY;
  return {
    call() {
      if (timer !== undefined) return;
      const wait = Math.max(delay, last + spacing - performance.now());
      timer = setTimeout(() => {
        timer = undefined;
        last = performance.now();
        void run();
      }, wait);
    },
    cancel() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
