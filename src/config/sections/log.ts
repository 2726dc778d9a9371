import { Type } from 'typebox';
import { choice, section, whole } from './section.ts';

export const LOG = section('The durable log between collecting and landing.', {
  engine: choice(['sqlite', 'kafka'], 'sqlite', 'Where the records wait.'),
  partitions: whole(3, 1, 64, 'Number of partitions of a new log.'),
  retention_days: whole(
    7,
    1,
    3_650,
    'Days after which landed records are removed; a topic that keeps them longer keeps them.',
  ),
  size_max_mib: whole(8_192, 16, 1_048_576, 'Size at which the log takes no more.'),
  kafka: section('The log on Kafka.', {
    brokers: Type.String({
      default: '127.0.0.1:9092',
      description: 'Some of the brokers, host:port, separated by commas.',
    }),
    topic: Type.String({ default: 'weather_data', description: 'The topic.' }),
    group: Type.String({
      default: 'isobar',
      description: 'Consumer group whose offsets show lag tools how far landing is.',
    }),
    replication: whole(1, 1, 16, 'Copies of each record that a new topic keeps.'),
    compression: choice(
      ['none', 'snappy', 'lz4', 'zstd', 'gzip'],
      'lz4',
      'Compression of the records.',
    ),
    tls: Type.Boolean({ default: false, description: 'Whether connections are encrypted.' }),
    tls_authority: Type.String({
      default: '',
      description: 'PEM file of the authorities to trust; empty means the public ones.',
    }),
    tls_certificate_file: Type.String({
      default: '',
      description:
        'PEM file of the certificate that shows the brokers who connects (mutual TLS), then those ' +
        'between it and its authority. New connections take a renewed one.',
    }),
    tls_key_file: Type.String({
      default: '',
      description: 'PEM file of its private key, which only its owner may read (chmod 600).',
    }),
    mechanism: choice(
      ['none', 'plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'],
      'none',
      'How to log in (SASL).',
    ),
    user: Type.String({ default: '', description: 'User name to log in with.' }),
    password: Type.String({ default: '', description: 'Password to log in with.', secret: true }),
    oauth: section('Where the token of the mechanism oauthbearer comes from (OAuth 2.0).', {
      token_url: Type.String({
        default: '',
        description: 'Token endpoint: https, or http on this machine.',
      }),
      client_id: Type.String({ default: '', description: 'Name of the client there.' }),
      client_secret: Type.String({
        default: '',
        description: 'Secret of the client (client credentials grant).',
        secret: true,
      }),
      client_auth: choice(
        ['basic', 'post'],
        'basic',
        'How the client shows its secret: in a header, or in the body.',
      ),
      scope: Type.String({ default: '', description: 'Scopes to ask for, separated by blanks.' }),
      audience: Type.String({
        default: '',
        description: 'Audience to ask for, where the endpoint wants one.',
      }),
      extensions: Type.String({
        default: '',
        description:
          'What the brokers want beside the token, such as logicalCluster=lkc-1, ' +
          'identityPoolId=pool-2; separated by commas.',
      }),
      tls_authority: Type.String({
        default: '',
        description: 'PEM file of the authorities of the endpoint; empty means the public ones.',
      }),
    }),
    timeout_s: whole(10, 1, 300, 'Seconds until an attempt to reach the brokers is given up.'),
    spool_max_mib: whole(
      2_048,
      1,
      1_048_576,
      'Size of the records that wait on this machine while no broker answers.',
    ),
    spool_max_age_h: whole(72, 1, 8_760, 'Hours that records may wait there until polling pauses.'),
  }),
});
