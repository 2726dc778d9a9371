import { Type } from 'typebox';
import { choice, section, whole } from './section.ts';

export const LAKE = section('Where files rest.', {
  heartbeat_s: whole(
    10,
    1,
    60,
    'Seconds between two signs of life of a process; silent for 2.5 times as long, it loses ' +
      'its part of the work to others.',
  ),
  engine: choice(['local', 'hdfs'], 'local', 'Kind of storage.'),
  hdfs: section('The lake on HDFS, over WebHDFS.', {
    namenodes: Type.String({
      default: 'http://127.0.0.1:9870',
      description: 'HTTP addresses of all NameNodes, separated by commas.',
    }),
    address: Type.String({
      default: 'hdfs://127.0.0.1:8020',
      description: 'The same file system for programs that read hdfs:// themselves (Spark).',
    }),
    folder: Type.String({ default: '/', description: 'Folder of the lake.' }),
    user: Type.String({ default: '', description: 'User name; empty means this process’s own.' }),
    authentication: choice(
      ['simple', 'kerberos'],
      'simple',
      'How to log in: with `user` or `token` as they are, or by Kerberos (docs/security.md).',
    ),
    keytab_file: Type.String({
      default: '',
      description:
        'Keytab for Kerberos, which only its owner may read (chmod 600); empty means the tickets ' +
        'of the ticket cache (kinit).',
    }),
    principal: Type.String({
      default: '',
      description:
        'Principal for Kerberos, such as isobar@EXAMPLE.ORG; empty means the first of the keytab.',
    }),
    kerberos_config: Type.String({
      default: '',
      description:
        'Path of krb5.conf for Kerberos; empty means the one of KRB5_CONFIG, or of the system.',
    }),
    tls_authority: Type.String({
      default: '',
      description:
        'PEM file with the authority of the NameNodes’ and DataNodes’ certificates; empty means ' +
        'those that Node.js trusts.',
    }),
    token: Type.String({ default: '', description: 'Delegation token.', secret: true }),
    replication: whole(0, 0, 512, 'Copies of each block; 0 means what the cluster does.'),
    verify: choice(
      ['length', 'checksum'],
      'length',
      'What of a written file is compared before it gets its name.',
    ),
    archive_after_months: whole(
      0,
      0,
      1_200,
      'Months after which a month’s files move to the archive; 0 means never.',
    ),
    archive_policy: choice(
      ['HOT', 'WARM', 'COLD', 'ALL_SSD', 'ONE_SSD'],
      'COLD',
      'Storage policy of the archive.',
    ),
    archive_replication: whole(0, 0, 512, 'Copies of each block there; 0 means unchanged.'),
    concurrency: whole(16, 1, 256, 'Requests under way at once.'),
    timeout_s: whole(10, 1, 300, 'Seconds without a byte after which a request is given up.'),
    retry_timeout_s: whole(60, 1, 3_600, 'Seconds for which a request is retried.'),
    datanode_hosts: Type.String({
      default: '',
      description:
        'DataNode hosts that redirects may name, separated by commas, each optionally as ' +
        'named=reached; empty means any.',
    }),
    cache_mib: whole(4_096, 16, 16_777_216, 'Size of the files kept on this machine for reading.'),
  }),
});
