/** Spark whose parts know a secret of each other, encrypt what they say, and show pages by HTTPS. */
import { SECURED_HOST, type Security } from './security.ts';

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
  /** krb5.conf, and the user whose files Spark reads and writes on HDFS. */
  readonly kerberos: {
    readonly config: string;
    readonly principal: string;
    readonly keytab: string;
  };
}

/** What Spark needs of the cluster's security. */
export async function sparkSecurity(security: Security): Promise<SparkSecurity> {
  const { realm, trustStore, storePassword } = security;
  const { certificate, key, store } = await security.certify('spark');
  return {
    secret: await security.password('spark-parts'),
    token: await security.password('spark'),
    ...{ certificate, key, store, trustStore, storePassword },
    kerberos: {
      config: realm.config,
      principal: 'isobar',
      keytab: await realm.keytab('isobar', 'isobar'),
    },
  };
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
  { token, certificate, key, kerberos }: SparkSecurity,
  connectPort: number,
): Record<string, string> {
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
    'spark.executor.extraJavaOptions': `-Djava.security.krb5.conf=${kerberos.config}`,
    // Services that are not here.
    'spark.security.credentials.hive.enabled': 'false',
    'spark.security.credentials.hbase.enabled': 'false',
  };
}
