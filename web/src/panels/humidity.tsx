import type { Store } from '../client/store.ts';
import { LineChart } from './line-chart.tsx';

export function Humidity({ store }: { readonly store: Store }) {
  return <LineChart store={store} resource={store.humidity} variable="humidity_pct" height={200} />;
}
