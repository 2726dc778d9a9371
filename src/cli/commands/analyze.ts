import type { Command } from 'commander';
import { type Environment, openChosenWorkspace, prepare } from '../environment.ts';
import { run } from './start.ts';

/** Months that are judged before they are published. */
const MONTHS_MOST = 12;

export function analyzeCommand(program: Command, environment: Environment): void {
  program
    .command('analyze')
    .description('compute the datasets; keep following the table unless --once')
    .option('--once', 'publish what the table says now and exit')
    .option('--simulated', 'use the simulated data')
    .addHelpText('after', '\nExample:\n  isobar analyze --once')
    .action(async (options: { once?: boolean; simulated?: boolean }, command: Command) => {
      if (options.once !== true) return run(environment, command, ['analyze']);
      const prepared = prepare(environment, command);
      await using workspace = await openChosenWorkspace(prepared, options.simulated);
      const refresher = await workspace.refresher(prepared.logger);
      await refresher.refresh(environment.signal);
      await refresher.check(environment.signal);
      while ((await refresher.judge(MONTHS_MOST, environment.signal)) === MONTHS_MOST);
      const publication = await refresher.refresh(environment.signal);
      const sums = {
        version: publication?.version ?? 0,
        table_version: publication?.table_version ?? -1,
        city_statistics: publication?.datasets.city_statistics.rows ?? 0,
        hourly_trends: publication?.datasets.hourly_trends.rows ?? 0,
        anomalies: publication?.datasets.anomalies.rows ?? 0,
        anomaly_events: (publication?.events ?? []).reduce(
          (sum, { events }) => sum + (events?.rows ?? 0),
          0,
        ),
      };
      environment.print(
        prepared.json
          ? `${JSON.stringify(sums)}\n`
          : `publication ${sums.version} of table version ${sums.table_version}: ` +
              `${sums.city_statistics} cities, ${sums.hourly_trends} hourly trends, ` +
              `${sums.anomalies} anomalies, ${sums.anomaly_events} events\n`,
      );
    });
}
