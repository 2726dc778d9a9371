/** What settings of `lake.hdfs` need of each other. */
import { isLoopbackHost } from './channel-url.ts';
import type { Config } from './schema.ts';

const ADDRESS = /^https?:\/\/[^/?#@\s]+\/?$/;

export function hdfsProblems({ engine, hdfs }: Config['lake']): string[] {
  if (engine !== 'hdfs') return [];
  const problems: string[] = [];
  const wrong = nameNodesOf(hdfs.namenodes).find((address) => !ADDRESS.test(address));
  if (wrong !== undefined) {
    problems.push(
      `lake.hdfs.namenodes: expected addresses such as http://host:9870; got ${JSON.stringify(wrong)}`,
    );
    return problems;
  }
  if (hdfs.authentication !== 'kerberos') {
    for (const name of ['keytab_file', 'principal', 'kerberos_config'] as const) {
      if (hdfs[name] === '') continue;
      problems.push(`lake.hdfs.${name}: expected lake.hdfs.authentication to be kerberos`);
    }
    return problems;
  }
  for (const name of ['token', 'user'] as const) {
    if (hdfs[name] === '') continue;
    problems.push(`lake.hdfs.${name}: expected none, since lake.hdfs.authentication is kerberos`);
  }
  if (isOpen(hdfs.namenodes)) {
    const why = 'whoever sees a cookie or a token can use it';
    problems.push(
      `lake.hdfs.namenodes: expected https://…, since lake.hdfs.authentication is kerberos: ${why}`,
    );
  }
  return problems;
}

/** What is odd but works. */
export function hdfsWarnings({ engine, hdfs }: Config['lake']): string[] {
  if (engine !== 'hdfs' || hdfs.token === '' || !isOpen(hdfs.namenodes)) return [];
  return [
    'lake.hdfs.token: it is sent readable over the network, and whoever sees it can use it; use ' +
      'https://… in lake.hdfs.namenodes',
  ];
}

/** Whether something is sent to another machine as it is. */
function isOpen(nameNodes: string): boolean {
  const urls = nameNodesOf(nameNodes).map((address) => new URL(address));
  return urls.some((url) => url.protocol !== 'https:' && !isLoopbackHost(url.hostname));
}

export function nameNodesOf(text: string): string[] {
  return text.split(',').map((address) => address.trim());
}
