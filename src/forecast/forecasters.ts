/**
 * The forecasters on their thread: learning takes seconds a city. A failure of the thread, or of a
 * call, rejects with FORECAST_FAILED: all cities have to be opened again.
 */
import { openWorkerThread } from '../worker-thread.ts';
import type { Newest } from './city-forecaster.ts';
import type { CityStore, Opened } from './city-store.ts';

type Method = Exclude<keyof CityStore, 'close'>;

export interface Forecasters extends AsyncDisposable {
  open(city: string): Promise<Opened>;
  begin(city: string): Promise<void>;
  feed(city: string, first: number, values: Float64Array): Promise<void>;
  newest(city: string): Promise<Newest>;
  hindcasts(city: string): Promise<ReturnType<CityStore['hindcasts']>>;
  save(city: string): Promise<void>;
  forget(city: string): Promise<void>;
}

/** Arrays of numbers are not part of it. */
const LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 };
/** Beside this file, as source or built. */
const WORKER = import.meta.url.endsWith('.ts') ? './forecast-worker.ts' : './forecast-worker.js';

/** States are kept in the folder, which is made when the first is. */
export function openForecasters(folder: string): Forecasters {
  const thread = openWorkerThread<Method>({
    file: new URL(WORKER, import.meta.url),
    ...{ data: folder, name: 'forecast', limits: LIMITS, lost: 'FORECAST_FAILED' },
  });
  const ask = <T>(method: Method, ...args: readonly unknown[]) =>
    thread.call(method, ...args) as Promise<T>;
  return {
    open: (city) => ask('open', city),
    begin: (city) => ask('begin', city),
    feed: (city, first, values) => ask('feed', city, first, values),
    newest: (city) => ask('newest', city),
    hindcasts: (city) => ask('hindcasts', city),
    save: (city) => ask('save', city),
    forget: (city) => ask('forget', city),
    [Symbol.asyncDispose]: () => thread.close(),
  };
}
