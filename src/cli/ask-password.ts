/** A password from the terminal: typed twice, and not shown. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { IsobarError } from '../errors.ts';

/** Rejects with USAGE without a terminal, and when the two differ. */
export async function askPassword(signal: AbortSignal): Promise<string> {
  if (!process.stdin.isTTY) {
    const text =
      'the password cannot be asked for without a terminal: name a file with --password-file';
    throw new IsobarError('USAGE', text);
  }
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    const ask = async (label: string) => {
      process.stderr.write(`${label}: `);
      const answer = await lines.question('', { signal });
      process.stderr.write('\n');
      return answer;
    };
    const password = await ask('password');
    if ((await ask('again')) === password) return password;
    throw new IsobarError('USAGE', 'the two passwords differ');
  } finally {
    lines.close();
  }
}
