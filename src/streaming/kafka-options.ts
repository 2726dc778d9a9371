/** What Spark needs to reach the brokers. */
import type { Config } from '../config/schema.ts';
import { readAuthority } from '../config/tls-authority.ts';

type Kafka = Config['log']['kafka'];

/**
 * Options of its source and its sink. No secret is among them, since Spark shows the text of queries
 * on its pages: the login is in a JAAS file on Spark's machines. Throws CONFIG_INVALID.
 */
export function kafkaOptions(kafka: Kafka): Readonly<Record<string, string>> {
  const { brokers, tls, tls_authority, mechanism } = kafka;
  const options: Record<string, string> = { 'kafka.bootstrap.servers': brokers };
  const isLoggedIn = mechanism !== 'none';
  if (!tls && !isLoggedIn) return options;
  options['kafka.security.protocol'] = `${isLoggedIn ? 'SASL_' : ''}${tls ? 'SSL' : 'PLAINTEXT'}`;
  if (isLoggedIn) options['kafka.sasl.mechanism'] = mechanism.toUpperCase();
  if (!tls || tls_authority === '') return options;
  options['kafka.ssl.truststore.type'] = 'PEM';
  const authority = readAuthority('log.kafka.tls_authority', tls_authority);
  options['kafka.ssl.truststore.certificates'] = authority.toString('utf8');
  return options;
}

/** What Spark cannot do in our place. */
export function kafkaProblems({ mechanism, tls_certificate_file }: Kafka): string[] {
  return [
    ...(mechanism === 'oauthbearer' ? ['log.kafka.mechanism must not be oauthbearer'] : []),
    ...(tls_certificate_file === '' ? [] : ['log.kafka.tls_certificate_file must be empty']),
  ];
}
