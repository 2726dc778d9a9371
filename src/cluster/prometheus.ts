/** Prometheus: it scrapes a server of isobar and holds its rules. */
import { stringify } from 'yaml';
import type { DebianProgram } from './debian.ts';
import type { ServiceSpec } from './service.ts';

export interface PrometheusOptions {
  readonly program: DebianProgram;
  readonly port: number;
  /** `host:port` of the server of isobar, which need not run yet. */
  readonly target: string;
  /** How it is asked by HTTPS; null for plain HTTP. */
  readonly tls: TargetTls | null;
  /** The text of a file of rules. */
  readonly rules: string;
  /** Of the Alertmanager; null without one. */
  readonly alertmanagerPort: number | null;
}

export interface TargetTls {
  /** The certificate of the server, or of its authority. */
  readonly caFile: string;
  /** A name that the certificate is good for: the target is an address of this machine. */
  readonly serverName: string;
}

const HOST = '127.0.0.1';
const RULES = 'isobar.rules.yml';
const KEPT = '7d';
const INTERVAL = '5s';

export function prometheusService(options: PrometheusOptions): ServiceSpec {
  const { program, port, target, tls, rules, alertmanagerPort } = options;
  const alertmanagers =
    alertmanagerPort === null
      ? []
      : [{ static_configs: [{ targets: [`${HOST}:${alertmanagerPort}`] }] }];
  const config = {
    global: { scrape_interval: INTERVAL, evaluation_interval: INTERVAL },
    rule_files: [RULES],
    alerting: { alertmanagers },
    scrape_configs: [
      {
        job_name: 'isobar',
        metrics_path: '/metrics',
        static_configs: [{ targets: [target] }],
        ...(tls === null ? {} : secureScrape(tls)),
      },
    ],
  };
  return {
    name: 'prometheus',
    files: { 'prometheus.yml': stringify(config), [RULES]: rules },
    program: program.path,
    args: [
      '--config.file=prometheus.yml',
      '--storage.tsdb.path=data',
      `--storage.tsdb.retention.time=${KEPT}`,
      `--web.listen-address=${HOST}:${port}`,
    ],
    env: program.env,
    ready: async (probe) => (await probe.get(`http://${HOST}:${port}/-/ready`)) !== null,
  };
}

function secureScrape({ caFile, serverName }: TargetTls) {
  return { scheme: 'https', tls_config: { ca_file: caFile, server_name: serverName } };
}
