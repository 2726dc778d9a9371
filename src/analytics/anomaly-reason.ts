/** Why an observation is an anomaly, in words. */
import type { Anomaly } from '../model/datasets.ts';
import { VARIABLES } from '../model/variables.ts';

/** One sentence that a layman understands, with the value, what is usual, and units. */
export function formatReason(anomaly: Omit<Anomaly, 'reason'>, stddev: number): string {
  const { label, unit, digits } = VARIABLES.temperature_c;
  const text = (value: number) => `${value.toFixed(digits)} ${unit}`;
  const low = text(anomaly.expected - anomaly.threshold * stddev);
  const high = text(anomaly.expected + anomaly.threshold * stddev);
  const side = anomaly.score < 0 ? 'below' : 'above';
  return (
    `${label} ${text(anomaly.value)} is ${Math.abs(anomaly.score).toFixed(1)} deviations ${side} ` +
    `the mean of ${text(anomaly.expected)}; usual in ${anomaly.city} is ${low} to ${high}`
  );
}
