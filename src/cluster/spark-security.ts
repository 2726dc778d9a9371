/** Spark whose parts know a secret of each other, encrypt what they say, and show pages by HTTPS. */
import { join } from 'node:path';
import { SECURED_HOST, type Security, writeOwn } from './security.ts';

export interface SparkSecurity {
  /** Between master, workers, executors and the Connect server. */
  readonly secret: string;
  /** With which clients log in. */
  readonly token: string;
  /** PEM files. */
  readonly certificate: string;
  readonly key: string;
  /** PKCS #12 files, which the password opens. */
  readonly store: string;
  readonly trustStore: string;
  readonly storePassword: string;
  /** With which Spark logs in to Kafka: a file for JAAS. */
  readonly kafkaLogin: string;
  /** krb5.conf, and the user whose files Spark reads and writes on HDFS. */
  readonly kerberos: {
    readonly config: string;
    readonly principal: string;
    readonly keytab: string;
  };
}

/** What Spark needs of the cluster's security. */
export async function sparkSecurity(security: Security): Promise<SparkSecurity> {
  const { folder, realm, trustStore, storePassword } = security;
  const kafkaLogin = join(folder, 'spark-kafka.jaas');
  await writeOwn(kafkaLogin, loginText(await security.password('kafka')));
  const { certificate, key, store } = await security.certify('spark');
  return {
    secret: await security.password('spark-parts'),
    token: await security.password('spark'),
    ...{ certificate, key, store, trustStore, storePassword, kafkaLogin },
    kerberos: {
      config: realm.config,
      principal: 'isobar',
      keytab: await realm.keytab('isobar', 'isobar'),
    },
  };
}

function loginText(password: string): string {
  const module = 'org.apache.kafka.common.security.scram.ScramLoginModule';
  return `KafkaClient {\n ${module} required username="isobar" password="${password}";\n};\n`;
}

/** What each process of Java that computes needs. */
export function securedJvm({ kerberos, kafkaLogin }: SparkSecurity): string[] {
  return [
    `-Djava.security.krb5.conf=${kerberos.config}`,
    `-Djava.security.auth.login.config=${kafkaLogin}`,
  ];
}

/** Of each part; its pages are at `port`. */
export function securedProperties(
  { secret, store, trustStore, storePassword }: SparkSecurity,
  pages: 'standalone' | 'ui',
  port: number,
): Record<string, string> {
  return {
    'spark.authenticate': 'true',
    'spark.authenticate.secret': secret,
    'spark.network.crypto.enabled': 'true',
    'spark.network.crypto.cipher': 'AES/GCM/NoPadding',
    'spark.io.encryption.enabled': 'true',
    'spark.ssl.enabled': 'true',
    'spark.ssl.keyStore': store,
    'spark.ssl.keyStoreType': 'PKCS12',
    'spark.ssl.keyStorePassword': storePassword,
    'spark.ssl.keyPassword': storePassword,
    'spark.ssl.trustStore': trustStore,
    'spark.ssl.trustStoreType': 'PKCS12',
    'spark.ssl.trustStorePassword': storePassword,
    [`spark.ssl.${pages}.port`]: String(port),
  };
}

/** Of the Connect server beside them. */
export function securedConnectProperties(
  security: SparkSecurity,
  connectPort: number,
): Record<string, string> {
  const { token, certificate, key, kerberos } = security;
  return {
    'isobar.address': SECURED_HOST,
    'isobar.port': String(connectPort),
    'isobar.certificate': certificate,
    'isobar.key': key,
    'spark.connect.authenticate.token': token,
    // The open server, which ends when the other one begins.
    'spark.connect.grpc.binding.port': '0',
    'spark.ui.port': '0',
    'spark.kerberos.principal': kerberos.principal,
    'spark.kerberos.keytab': kerberos.keytab,
    'spark.executor.extraJavaOptions': securedJvm(security).join(' '),
    // Services that are not here.
    'spark.security.credentials.hive.enabled': 'false',
    'spark.security.credentials.hbase.enabled': 'false',
  };
}
