/** A Kerberos realm of the test's own, with what tests change in it. */
import { cacheFolder } from '../../src/cluster/artifacts.ts';
import { resolveProgram } from '../../src/cluster/debian.ts';
import { freePort } from '../../src/cluster/ports.ts';
import { openService, type ServiceProcess } from '../../src/cluster/process.ts';
import { makeRealm, type Realm } from '../../src/cluster/realm.ts';
import type { ServiceSpec } from '../../src/cluster/service.ts';

export interface TestRealm extends Realm, AsyncDisposable {
  readonly port: number;
  readonly kdc: ServiceProcess;
  /** A new key: keytabs from before do not fit any more. */
  changeKey(principal: string): Promise<void>;
  /** New tickets of the principal live no longer than this. */
  limitTickets(principal: string, life: string): Promise<void>;
  /** A KDC of the same realm whose clock is wrong; resolves with the krb5.conf that leads to it. */
  startSkewed(offset: string): Promise<string>;
}

/** Rejects with CLUSTER_TOOL_MISSING or CLUSTER_FAILED where Debian's packages cannot be had. */
export async function openRealm(folder: string): Promise<TestRealm> {
  const cache = cacheFolder(process.env);
  const port = await freePort();
  const kdc = await resolveProgram('krb5kdc', 'krb5-admin-server', cache);
  const realm = await makeRealm({ folder, port, kdc });
  const services: ServiceProcess[] = [];
  const start = async (spec: ServiceSpec) => {
    const service = openService(spec, folder);
    services.push(service);
    await service.start();
    return service;
  };
  return {
    ...realm,
    port,
    kdc: await start(realm.spec),
    changeKey: (principal) => realm.administer(`change_password -randkey ${principal}`),
    limitTickets: (principal, life) => realm.administer(`modprinc -maxlife "${life}" ${principal}`),
    async startSkewed(offset) {
      const library = await resolveProgram('faketime', 'faketime', cache);
      const at = await freePort();
      const spec = await realm.specAt('kdc-skewed', at);
      const preload = library.path.replace(
        /bin\/faketime$/,
        'lib/x86_64-linux-gnu/faketime/libfaketime.so.1',
      );
      await start({ ...spec, env: { ...spec.env, LD_PRELOAD: preload, FAKETIME: offset } });
      return realm.configFor('krb5-skewed.conf', at);
    },
    async [Symbol.asyncDispose]() {
      for (const service of services) await service.stop();
    },
  };
}
