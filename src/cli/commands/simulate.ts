import type { Command } from 'commander';
import {
  type FaultRates,
  REQUEST_FAULTS,
  SENSOR_FAULTS,
} from '../../collector/simulator/faults.ts';
import { startSimulator } from '../../collector/simulator/server.ts';
import { IsobarError } from '../../errors.ts';
import { DEFAULT_CITIES } from '../../model/city.ts';
import { untilAborted } from '../../waiting.ts';
import { type Environment, prepare } from '../environment.ts';

interface SimulateOptions {
  readonly listen: string;
  readonly fault?: readonly string[];
}

export function simulateCommand(program: Command, environment: Environment): void {
  program
    .command('simulate')
    .description('serve made-up weather by OpenWeatherMap’s API, with faults on demand')
    .option('--listen <port>', 'port to listen on; 0: any free one', '5010')
    .option('--fault <kind=share>', 'let this share of answers fail; repeatable', collect)
    .addHelpText(
      'after',
      `
Faults of requests:
  ${REQUEST_FAULTS.slice(0, 6).join(', ')},
  ${REQUEST_FAULTS.slice(6).join(', ')}
Faults of sensors:
  ${SENSOR_FAULTS.join(', ')}

Example:
  isobar simulate --set simulator.speed=60 --fault server_error=0.3
  ISOBAR_OPENWEATHER_URL=http://127.0.0.1:5010 ISOBAR_OPENWEATHER_KEY=any isobar start`,
    )
    .action(async (options: SimulateOptions, command: Command) => {
      const { config } = prepare(environment, command);
      const { seed, interval_s, speed } = config.simulator;
      const simulator = await startSimulator({
        port: parsePort(options.listen),
        seed,
        intervalSeconds: interval_s,
        speed,
        cities: DEFAULT_CITIES,
        faults: parseFaults(options.fault ?? []),
      });
      environment.report(`made-up weather at ${simulator.url}; Ctrl-C stops it\n`);
      await untilAborted(environment.signal);
      await simulator.stop();
    });
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new IsobarError('USAGE', `--listen ${text}: write a port of 0 to 65535`);
}

function parseFaults(pairs: readonly string[]): FaultRates {
  const kinds: readonly string[] = [...REQUEST_FAULTS, ...SENSOR_FAULTS];
  const rates: Record<string, number> = {};
  for (const pair of pairs) {
    const [kind = '', share = ''] = pair.split('=');
    const rate = Number(share);
    if (!kinds.includes(kind) || share === '' || !(rate >= 0 && rate <= 1)) {
      throw new IsobarError('USAGE', `--fault ${pair}: write kind=share, a share of 0 to 1`);
    }
    rates[kind] = rate;
  }
  return rates;
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}
