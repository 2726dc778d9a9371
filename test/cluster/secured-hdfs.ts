/**
 * One NameNode and one DataNode that ask for Kerberos, answer by HTTPS only, and encrypt what they say
 * to each other; files of a zone are encrypted on disk.
 */
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as signing from '../../src/api/tls/signing.ts';
import { cacheFolder, resolveDistribution } from '../../src/cluster/artifacts.ts';
import { hdfsServices } from '../../src/cluster/hdfs.ts';
import { hdfsSecurity } from '../../src/cluster/hdfs-security.ts';
import { freePort } from '../../src/cluster/ports.ts';
import { openService, type ServiceProcess } from '../../src/cluster/process.ts';
import type { Realm } from '../../src/cluster/realm.ts';
import { openSecurity, SECURED_HOST } from '../../src/cluster/security.ts';
import { runTool } from '../../src/cluster/tool.ts';

const TOOL_MS = 60_000;
const KEY_SHELL = 'org.apache.hadoop.crypto.key.KeyShell';

export interface SecuredHdfs extends AsyncDisposable {
  /** `https://localhost:…` */
  readonly nameNode: string;
  readonly address: string;
  /** PEM files: the authority of both certificates, and another one. */
  readonly authority: string;
  readonly otherAuthority: string;
  readonly services: Readonly<Record<'nameNode' | 'dataNode', ServiceProcess>>;
  /** An empty folder whose files are encrypted; the keytab is that of an administrator. */
  makeZone(path: string, keytab: string): Promise<void>;
  /** The output of the NameNode's audit log and all else. */
  readonly outputs: readonly string[];
}

export interface SecuredOptions {
  readonly folder: string;
  readonly realm: Realm;
  /** Milliseconds of a delegation token. */
  readonly tokenRenewMs: number;
  readonly tokenLifeMs: number;
}

export async function startSecuredHdfs(options: SecuredOptions): Promise<SecuredHdfs> {
  const { folder, realm } = options;
  const security = await openSecurity({ folder, realm, signing, names: [SECURED_HOST] });
  const otherAuthority = join(folder, 'other.pem');
  await writeFile(
    otherAuthority,
    signing.makeAuthority('another authority', new Date()).certificate,
  );
  const [rpc, https] = [await freePort(), await freePort()];
  const keys = `jceks://file${join(folder, 'keys.jceks')}`;
  const [nn, dn] = hdfsServices({
    distribution: await resolveDistribution('hadoop', cacheFolder(process.env)),
    nameNodes: [{ rpc, http: https, controller: 0 }],
    dataNodes: [{ data: await freePort(), http: await freePort(), ipc: await freePort() }],
    dataNodesAtStart: 1,
    journalNodes: [],
    zookeeperPort: null,
    security: await hdfsSecurity(security),
    properties: {
      'hadoop.security.key.provider.path': keys,
      'hadoop.user.group.static.mapping.overrides':
        'reader=analysts;stranger=;isobar=isobar;nn=supergroup;dn=',
      'dfs.namenode.delegation.token.renew-interval': String(options.tokenRenewMs),
      'dfs.namenode.delegation.token.max-lifetime': String(options.tokenLifeMs),
      'dfs.namenode.delegation.key.update-interval': '86400000',
    },
  }).flat();
  if (nn === undefined || dn === undefined) throw new Error('no services');
  const nameNode = openService(nn, folder);
  const dataNode = openService(dn, folder);
  // The NameNode reads its keys when it starts.
  const create = ['create', 'lake', '-provider', keys];
  await runTool('java', [...classPath(nn.args), KEY_SHELL, ...create], { timeoutMs: TOOL_MS });
  await nameNode.start();
  await dataNode.start();
  return {
    nameNode: `https://${SECURED_HOST}:${https}`,
    address: `hdfs://${SECURED_HOST}:${rpc}`,
    authority: security.authority,
    otherAuthority,
    services: { nameNode, dataNode },
    async makeZone(path, keytab) {
      const env = {
        KRB5_CONFIG: realm.config,
        KRB5PRINCIPAL: `nn/${SECURED_HOST}`,
        KRB5KEYTAB: keytab,
      };
      const java = (main: string, ...args: string[]) =>
        runTool('java', [...classPath(nn.args), main, ...args], {
          timeoutMs: TOOL_MS,
          cwd: dirname(nameNode.status().output),
          env,
        });
      await java('org.apache.hadoop.fs.FsShell', '-mkdir', path);
      const zone = ['-createZone', '-keyName', 'lake', '-path', path];
      await java('org.apache.hadoop.hdfs.tools.CryptoAdmin', ...zone);
    },
    outputs: [nameNode.status().output, dataNode.status().output],
    async [Symbol.asyncDispose]() {
      await dataNode.stop();
      await nameNode.stop();
    },
  };
}

/** The options of Java up to the class path. */
function classPath(args: readonly string[]): readonly string[] {
  return args.slice(0, args.indexOf('-cp') + 2);
}
