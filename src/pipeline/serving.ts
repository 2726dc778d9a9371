/** Where the server listens: plain HTTP, or HTTPS with its certificate and the redirect to it. */
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buildApp } from '../api/app.ts';
import type { ApiContext } from '../api/context.ts';
import { translateListenError } from '../api/listening.ts';
import { parseAllowedHosts } from '../api/security.ts';
import { type Certificate, openCertificate } from '../api/tls/certificate.ts';
import { openRedirect } from '../api/tls/redirect.ts';
import { isLoopbackHost } from '../config/channel-url.ts';
import type { Config } from '../config/schema.ts';
import { hostPort } from '../config/service-address.ts';
import type { Logger } from '../logger.ts';
import { removeServerNote, SERVER_NOTE, writeServerNote } from './server-note.ts';

/** Null for plain HTTP. Rejects with CONFIG_INVALID when the files hold no pair to serve with. */
export async function openConfiguredCertificate(
  { api: { tls } }: Config,
  logger: Logger,
): Promise<Certificate | null> {
  return tls.certificate_file === '' ? null : openCertificate({ files: tls, logger });
}

/** Serves until the stack is disposed of; resolves with the address. */
export async function listen(
  context: ApiContext,
  stack: AsyncDisposableStack,
  folder: string,
  command: string,
): Promise<string> {
  const { certificate, config, logger } = context;
  const app = await buildApp(context);
  stack.defer(() => app.close());
  const { host, port } = config;
  try {
    await app.listen({ host, port });
  } catch (error) {
    throw translateListenError(error, { host, port });
  }
  const address = app.server.address() as AddressInfo;
  if (isReadable(config)) {
    logger.warn(
      `passwords and keys travel readable to ${host}: set api.tls (\`isobar certificate make\`), ` +
        'or api.trusted_proxies where a reverse proxy encrypts',
    );
  }
  if (config.tls.redirect_port > 0) await redirectTo(address.port, config, stack);
  const path = join(folder, SERVER_NOTE);
  const write = () =>
    writeServerNote(path, {
      ...{ pid: process.pid, host, port: address.port, command },
      ...(certificate === null ? {} : { certificate_sha256: certificate.pair.fingerprint }),
    });
  await write();
  stack.defer(() => removeServerNote(path));
  certificate?.onChange(() => {
    write().catch((error: unknown) => {
      logger.warn({ err: error }, `writing ${path}: \`isobar status\` cannot ask this server`);
    });
  });
  return `${certificate === null ? 'http' : 'https'}://${hostPort(host, address.port)}`;
}

/** Whether logins leave this machine in plain HTTP, and no proxy is there to encrypt them. */
function isReadable({ auth, host, tls, trusted_proxies }: Config['api']): boolean {
  if (auth.mode === 'none' || isLoopbackHost(host)) return false;
  return tls.certificate_file === '' && auth.mode !== 'proxy' && trusted_proxies === '';
}

async function redirectTo(
  securePort: number,
  { host, allowed_hosts, base_path: basePath, tls }: Config['api'],
  stack: AsyncDisposableStack,
): Promise<void> {
  const names = { boundTo: host, allowed: parseAllowedHosts(allowed_hosts) };
  stack.use(await openRedirect({ host, port: tls.redirect_port, securePort, names, basePath }));
}
