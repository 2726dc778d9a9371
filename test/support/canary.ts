/** Secrets that are followed through the program: what it says and writes is looked through. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { until } from './until.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src/cli/main.ts');
const DEADLINE_MS = 60_000;

/** The program with these arguments, as the source of a child. */
export function commandLine(...args: readonly string[]): string {
  const argv = JSON.stringify(['node', MAIN, ...args]);
  return `process.argv = ${argv}; await import(${JSON.stringify(pathToFileURL(MAIN).href)});`;
}

/** Where the server of this data root is, once it is up. */
export async function addressOf(root: string): Promise<string> {
  const note = join(root, 'server.json');
  await until(
    'it is up',
    async () => existsSync(note) && readFileSync(note, 'utf8').endsWith('\n'),
    DEADLINE_MS,
  );
  return `http://127.0.0.1:${JSON.parse(readFileSync(note, 'utf8')).port}`;
}

/** The text of each file below the folder. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
}

/** The secret as it is, as an address or a form carries it, and as a login over HTTP does. */
export function formsOf(secret: string, users: readonly string[] = []): string[] {
  const base64 = (text: string) => Buffer.from(text).toString('base64').replace(/=+$/, '');
  return [
    secret,
    encodeURIComponent(secret),
    base64(secret),
    ...users.map((user) => base64(`${user}:${secret}`)),
    ...users.map((user) => base64(`\0${user}\0${secret}`)),
  ];
}

/** Fails with the secret's form and where it stands. */
export function assertNowhere(said: readonly string[], forms: readonly string[]): void {
  for (const form of forms) {
    const found = said.flatMap((text) => {
      const at = text.indexOf(form);
      return at === -1 ? [] : [text.slice(Math.max(0, at - 200), at + 200)];
    });
    assert.deepEqual(found, [], form);
  }
}
