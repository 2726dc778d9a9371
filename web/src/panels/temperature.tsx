import type { Store } from '../client/store.ts';
import { LineChart } from './line-chart.tsx';

export function Temperature({ store }: { readonly store: Store }) {
  return (
    <LineChart store={store} resource={store.temperature} variable="temperature_c" height={300} />
  );
}
