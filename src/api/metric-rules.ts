/** Alert rules for Prometheus, made from the table of metrics. */
import { stringify } from 'yaml';
import { expressionOf } from './metric.ts';
import { listAlerts } from './metric-table.ts';

const HEAD = '# Alert rules of isobar for Prometheus; `isobar metrics rules` prints them.\n';

export function formatRules(): string {
  const rules = listAlerts().map((alert) => ({
    alert: alert.name,
    expr: expressionOf(alert),
    for: alert.for,
    labels: { severity: alert.severity },
    annotations: { summary: alert.summary, remedy: alert.remedy },
  }));
  return HEAD + stringify({ groups: [{ name: 'isobar', rules }] }, { lineWidth: 0 });
}
