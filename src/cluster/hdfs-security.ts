/** HDFS that asks for Kerberos, answers by HTTPS only, and encrypts what its parts say to each other. */
import { createHash } from 'node:crypto';
import { REALM } from './realm.ts';
import { SECURED_HOST, type Security } from './security.ts';

export interface HdfsSecurity {
  /** krb5.conf. */
  readonly kerberosConfig: string;
  /** The keys of `nn`, `dn`, `jn` and `HTTP` at this host. */
  readonly keytab: string;
  /** PKCS #12 files, which the password opens. */
  readonly store: string;
  readonly trustStore: string;
  readonly storePassword: string;
  /** PEM file. */
  readonly authority: string;
  /** Signs the cookies of the pages. */
  readonly cookieSecretFile: string;
  /** Of the failover controllers at ZooKeeper. */
  readonly zookeeperPassword: string;
}

/** What HDFS needs of the cluster's security. */
export async function hdfsSecurity(security: Security): Promise<HdfsSecurity> {
  const { realm, trustStore, storePassword, authority } = security;
  const { store } = await security.certify('hdfs');
  // Hadoop signs with what a file holds.
  await security.password('hdfs-cookies');
  const names = ['nn', 'dn', 'jn', 'HTTP'].map((name) => `${name}/${SECURED_HOST}`);
  return {
    kerberosConfig: realm.config,
    keytab: await realm.keytab('hdfs', ...names),
    store,
    trustStore,
    storePassword,
    authority,
    cookieSecretFile: security.passwordFile('hdfs-cookies'),
    zookeeperPassword: await security.password('zookeeper'),
  };
}

const principal = (name: string) => `${name}/${SECURED_HOST}@${REALM}`;

/** The folder of the lake, which belongs to `isobar`. */
export const LAKE_FOLDER = '/isobar';

/** What clients need to know. */
export function securedClientProperties(): Record<string, string> {
  return {
    'hadoop.security.authentication': 'kerberos',
    'hadoop.rpc.protection': 'privacy',
    'dfs.data.transfer.protection': 'privacy',
    'dfs.encrypt.data.transfer.cipher.suites': 'AES/CTR/NoPadding',
    'dfs.http.policy': 'HTTPS_ONLY',
    'dfs.namenode.kerberos.principal': principal('nn'),
  };
}

export function securedServerProperties(security: HdfsSecurity): Record<string, string> {
  const { keytab, cookieSecretFile } = security;
  return {
    'hadoop.security.authorization': 'true',
    // JournalNodes give edits to whoever has their own short name, and a NameNode that starts needs them.
    'hadoop.security.auth_to_local':
      'RULE:[2:$1/$2@$0](nn/.*)s/.*/hdfs/ RULE:[2:$1/$2@$0](jn/.*)s/.*/hdfs/ DEFAULT',
    // `hdfs` is the administrator; users have a group of their own.
    'hadoop.user.group.static.mapping.overrides': 'isobar=isobar;hdfs=supergroup;dn=',
    'hadoop.http.authentication.type': 'kerberos',
    'hadoop.http.authentication.simple.anonymous.allowed': 'false',
    'hadoop.http.authentication.kerberos.principal': principal('HTTP'),
    'hadoop.http.authentication.kerberos.keytab': keytab,
    'hadoop.http.authentication.signature.secret.file': cookieSecretFile,
    'hadoop.http.filter.initializers': 'org.apache.hadoop.security.AuthenticationFilterInitializer',
    'dfs.web.authentication.kerberos.principal': principal('HTTP'),
    'dfs.web.authentication.kerberos.keytab': keytab,
    'dfs.namenode.keytab.file': keytab,
    'dfs.namenode.kerberos.internal.spnego.principal': principal('HTTP'),
    'dfs.datanode.kerberos.principal': principal('dn'),
    'dfs.datanode.keytab.file': keytab,
    'dfs.journalnode.kerberos.principal': principal('jn'),
    'dfs.journalnode.keytab.file': keytab,
    'dfs.journalnode.kerberos.internal.spnego.principal': principal('HTTP'),
    'dfs.block.access.token.enable': 'true',
    'dfs.https.server.keystore.resource': 'ssl-server.xml',
    'dfs.client.https.keystore.resource': 'ssl-client.xml',
  };
}

/** The failover controllers log in at ZooKeeper, and only they may change what they wrote there. */
export function zookeeperProperties({ zookeeperPassword }: HdfsSecurity): Record<string, string> {
  const login = `hdfs:${zookeeperPassword}`;
  const digest = createHash('sha1').update(login).digest('base64');
  return {
    'ha.zookeeper.auth': `digest:${login}`,
    'ha.zookeeper.acl': `digest:hdfs:${digest}:rwcda`,
  };
}

export function securedJavaOptions({ kerberosConfig }: HdfsSecurity): string[] {
  return [`-Djava.security.krb5.conf=${kerberosConfig}`];
}

/** What makes a Hadoop tool the administrator. */
export function administratorEnv({ kerberosConfig, keytab }: HdfsSecurity): Record<string, string> {
  return { KRB5_CONFIG: kerberosConfig, KRB5PRINCIPAL: principal('nn'), KRB5KEYTAB: keytab };
}

/** Of a process that asks ZooKeeper. */
export function zookeeperJavaOptions({ authority }: HdfsSecurity): string[] {
  return [
    '-Dzookeeper.client.secure=true',
    '-Dzookeeper.clientCnxnSocket=org.apache.zookeeper.ClientCnxnSocketNetty',
    `-Dzookeeper.ssl.trustStore.location=${authority}`,
  ];
}

/** Properties of `ssl-server.xml` (`ssl.server`) or `ssl-client.xml` (`ssl.client`). */
export function storeProperties(
  { store, trustStore, storePassword }: HdfsSecurity,
  prefix: 'ssl.server' | 'ssl.client',
): Record<string, string> {
  return {
    [`${prefix}.keystore.location`]: store,
    [`${prefix}.keystore.type`]: 'PKCS12',
    [`${prefix}.keystore.password`]: storePassword,
    [`${prefix}.keystore.keypassword`]: storePassword,
    [`${prefix}.truststore.location`]: trustStore,
    [`${prefix}.truststore.type`]: 'PKCS12',
    [`${prefix}.truststore.password`]: storePassword,
  };
}
