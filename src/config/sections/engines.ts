import { Type } from 'typebox';
import { AUTHORITY, section, whole } from './section.ts';

export const ENGINES = section(
  'Watching the services that are used: Kafka, HDFS, Spark, Redis, OpenSearch.',
  {
    interval_s: whole(15, 1, 3_600, 'Seconds between two looks at a service.'),
    timeout_s: whole(5, 1, 120, 'Seconds until a look without an answer is given up.'),
    trend_h: whole(6, 1, 48, 'Hours that the trends go back.'),
    kafka: section('Kafka; its brokers are those of the log.', {
      jmx_urls: Type.String({
        default: '',
        description:
          'Addresses of the brokers’ JMX over HTTP, separated by commas: those of Jolokia, or pages ' +
          'of beans that end in /jmx; empty means that disks and requests are not watched.',
      }),
      tls_authority: Type.String({ default: '', description: AUTHORITY }),
    }),
    hdfs: section('HDFS; its NameNodes are those of the lake.', {
      journalnode_urls: Type.String({
        default: '',
        description:
          'HTTP addresses of the JournalNodes, separated by commas; over https they are trusted as ' +
          'the NameNodes are (lake.hdfs.tls_authority).',
      }),
    }),
    spark: section('Spark.', {
      ui_url: Type.String({
        default: '',
        description: 'Address of the driver’s page; empty means that Spark is not watched.',
      }),
      master_url: Type.String({
        default: '',
        description: 'Address of the page of a standalone master.',
      }),
      tls_authority: Type.String({ default: '', description: AUTHORITY }),
    }),
  },
);
