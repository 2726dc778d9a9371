/** Pages of the NameNodes and JournalNodes (`/jmx`), asked as the lake asks: with its login and trust. */
import type { Config } from '../config/schema.ts';
import { IsobarError } from '../errors.ts';
import { translate } from './hdfs-errors.ts';
import { hdfsLogin } from './hdfs-login.ts';
import { openPages } from './webhdfs/namenodes.ts';

export interface HdfsPages extends AsyncDisposable {
  /** The text of the page; rejects with LAKE_TLS, LAKE_LOGIN_REFUSED or LAKE_UNAVAILABLE. */
  get(url: URL, signal: AbortSignal): Promise<string>;
}

const CONCURRENCY = 8;

/** Connects to nothing. */
export async function openHdfsPages(config: Config['lake']['hdfs']): Promise<HdfsPages> {
  const pages = openPages({
    ...(await hdfsLogin(config)),
    addresses: [],
    concurrency: CONCURRENCY,
    idleMs: config.timeout_s * 1_000,
    timeoutMs: 0,
  });
  return {
    async get(url, signal) {
      const reply = await pages.get(url, signal).catch((error) => {
        throw translate(error, url.pathname);
      });
      if (reply.status === 200) return reply.text;
      const isLogin = reply.status === 401 || reply.status === 403;
      const text = `${url.host}${url.pathname}: it answers with the status ${reply.status}`;
      throw new IsobarError(isLogin ? 'LAKE_LOGIN_REFUSED' : 'LAKE_UNAVAILABLE', text);
    },
    async [Symbol.asyncDispose]() {
      pages.close();
    },
  };
}
