/** What settings of `log.kafka` mean, and what they need of each other. */
import { isLoopbackHost, urlProblem } from './channel-url.ts';
import { splitList } from './list.ts';
import type { Config } from './schema.ts';
import type { PairFiles } from './tls-pair.ts';

type Kafka = Config['log']['kafka'];

/** RFC 7628: names are letters, values are printable. */
const EXTENSION = /^[A-Za-z]+=[\x20-\x7e]*$/;

export function kafkaProblems({ engine, kafka }: Config['log']): string[] {
  if (engine !== 'kafka') return [];
  const problems = [...pairProblems(kafka)];
  if (kafka.mechanism !== 'oauthbearer') return problems;
  // The secret is left out of a printed configuration, which can be read again.
  for (const name of ['token_url', 'client_id'] as const) {
    if (kafka.oauth[name] !== '') continue;
    problems.push(
      `log.kafka.oauth.${name}: expected a value, since log.kafka.mechanism is oauthbearer`,
    );
  }
  if (!kafka.tls && !isOnThisMachine(kafka)) {
    const why = 'whoever sees a token can use it';
    problems.push(`log.kafka.tls: expected true, since log.kafka.mechanism is oauthbearer: ${why}`);
  }
  const isWrong = (one: string) => !EXTENSION.test(one) || one.startsWith('auth=');
  if (splitList(kafka.oauth.extensions).some(isWrong)) {
    problems.push('log.kafka.oauth.extensions: expected name=value, separated by commas');
  }
  return problems;
}

function pairProblems(kafka: Kafka): string[] {
  const { tls, tls_certificate_file, tls_key_file } = kafka;
  const problems: string[] = [];
  for (const [missing, value, other] of [
    ['log.kafka.tls_certificate_file', tls_certificate_file, tls_key_file],
    ['log.kafka.tls_key_file', tls_key_file, tls_certificate_file],
  ] as const) {
    if (value === '' && other !== '') {
      problems.push(`${missing}: expected a file as well; a certificate needs its key`);
    }
  }
  if (!tls && (tls_certificate_file !== '' || tls_key_file !== '')) {
    problems.push('log.kafka.tls: expected true, since there is a certificate to show');
  }
  return problems;
}

/** What is odd but works. */
export function kafkaWarnings({ engine, kafka }: Config['log']): string[] {
  if (engine !== 'kafka' || kafka.tls || kafka.mechanism !== 'plain') return [];
  if (isOnThisMachine(kafka)) return [];
  return [
    'log.kafka.mechanism: plain without log.kafka.tls sends the password readable over the network; ' +
      'use TLS, or scram-sha-512',
  ];
}

function isOnThisMachine({ brokers }: Kafka): boolean {
  return brokers.split(',').every((one) => isLoopbackHost(one.trim().replace(/:\d+$/, '')));
}

/** The certificate that the brokers are shown, and its key. */
export function clientPair({
  tls_certificate_file,
  tls_key_file,
}: Pick<Kafka, 'tls_certificate_file' | 'tls_key_file'>): PairFiles {
  const prefix = 'log.kafka.tls_';
  return { certificate_file: tls_certificate_file, key_file: tls_key_file, prefix };
}

/** What is wrong with the address of a token endpoint; null when nothing is. */
export function tokenUrlProblem(url: string): string | null {
  if (url === '') return null;
  if (url.includes('#')) return 'expected an address without a fragment (#)';
  return urlProblem(url, { sendsSecrets: true });
}

/** What the header of a client says at a token endpoint (RFC 6749, 2.3.1). */
export function clientLogin({
  client_id,
  client_secret,
}: Pick<Kafka['oauth'], 'client_id' | 'client_secret'>): string {
  const encode = (text: string) => new URLSearchParams({ text }).toString().slice('text='.length);
  return Buffer.from(`${encode(client_id)}:${encode(client_secret)}`).toString('base64');
}
