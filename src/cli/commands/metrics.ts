/** `metrics rules | dashboard`: what Prometheus and Grafana need to watch isobar. */
import type { Command } from 'commander';
import { formatDashboard } from '../../api/metric-dashboard.ts';
import { formatRules } from '../../api/metric-rules.ts';
import type { Environment } from '../environment.ts';

export function metricsCommand(program: Command, environment: Environment): void {
  const metrics = program
    .command('metrics')
    .description('print what Prometheus and Grafana need to watch isobar')
    .helpCommand(false)
    .addHelpText(
      'after',
      `
Both follow the metrics of this version; docs/metrics.md describes them.

Examples:
  isobar metrics rules > isobar.rules.yml
  isobar metrics dashboard > isobar.json`,
    );
  metrics
    .command('rules')
    .description('print alert rules for Prometheus (YAML)')
    .action(() => environment.print(formatRules()));
  metrics
    .command('dashboard')
    .description('print a dashboard for Grafana (JSON)')
    .action(() => environment.print(formatDashboard()));
}
