/** Passwords, sessions and keys through a day of logins: they are in no file, line, metric or page. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { addressOf, assertNowhere, commandLine, filesBelow, formsOf } from './support/canary.ts';
import { runChild, startChild } from './support/child.ts';

const PASSWORD = 'canary heron/reeds+0123';
const NEXT = 'canary stork/roofs+4567';
const OWN = 'canary crane/lakes+2345';
const WRONG = 'canary wrong/guess+8901';
const FORGED = 'canary-forged-token-0123456789-0123456789-0';

test('no password, session or key is to be found after a day of logins', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-canary-access-'));
  const secrets = mkdtempSync(join(tmpdir(), 'isobar-canary-secrets-'));
  const env = {
    ISOBAR_DATA: folder,
    ISOBAR_LOG_LEVEL: 'debug',
    ISOBAR_API_AUTH_MODE: 'local',
    ISOBAR_SIMULATOR_HISTORY_DAYS: '0',
  };
  const said: string[] = [];
  const run = async (...args: readonly string[]) => {
    const { output, errors, code } = await runChild(commandLine(...args), { env });
    assert.equal(code, 0, errors);
    said.push(errors);
    return output;
  };
  const file = (name: string, text: string) => {
    const path = join(secrets, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const child = startChild(commandLine('start', '--port', '0'), { env });
  try {
    const users = ['users', 'add', 'ann', '--role', 'admin', '--password-file'];
    said.push(await run(...users, file('first', PASSWORD)));
    // It is shown here, once.
    const key = (await run('keys', 'add', 'prometheus')).trim();
    assert.match(key, /^isobar_[\w-]{11}_[\w-]{43}$/);
    const ofKey = key.slice(-43);
    const url = await addressOf(join(folder, 'simulated'));
    const post = (path: string, body: object, headers: Record<string, string> = {}) =>
      fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', origin: url, ...headers },
        body: JSON.stringify(body),
      });
    const login = async (password: string) => {
      const answer = await post('/api/login', { name: 'ann', password });
      said.push(await answer.text());
      return answer;
    };
    const session = /__Host-isobar=([\w-]+)/.exec(
      (await login(PASSWORD)).headers.get('set-cookie') ?? '',
    )?.[1];
    assert.ok(session !== undefined, said.join('\n'));
    let changed: string | undefined;
    for (const headers of [
      { cookie: `__Host-isobar=${session}` },
      { authorization: `Bearer ${key}` },
      { authorization: `Bearer ${key}x` },
      { authorization: `Bearer ${FORGED}` },
      { cookie: `__Host-isobar=${FORGED}` },
      { authorization: `Basic ${Buffer.from(`ann:${PASSWORD}`).toString('base64')}` },
    ]) {
      for (const path of ['/api/status', '/api/cities', '/metrics', '/api/nothing', '/']) {
        said.push(await (await fetch(url + path, { headers })).text());
      }
    }
    assert.equal((await login(WRONG)).status, 401);
    // Typed into the wrong field, or sent in the wrong form.
    for (const body of [
      { name: WRONG, password: 'x' },
      { name: 'ann', password: [WRONG] },
    ]) {
      const answer = await post('/api/login', body);
      assert.ok(answer.status >= 400);
      said.push(await answer.text());
    }
    // Changed by the user itself; wrong, weak, and in the address as well.
    const cookie = { cookie: `__Host-isobar=${session}` };
    for (const [query, old_password, new_password, status] of [
      ['', WRONG, OWN, 403],
      ['', PASSWORD, PASSWORD, 400],
      [`?old_password=${encodeURIComponent(WRONG)}`, PASSWORD, OWN, 400],
      ['', PASSWORD, OWN, 200],
    ] as const) {
      const answer = await post(`/api/password${query}`, { old_password, new_password }, cookie);
      assert.equal(answer.status, status);
      said.push(await answer.text());
      changed = /__Host-isobar=([\w-]+)/.exec(answer.headers.get('set-cookie') ?? '')?.[1];
    }
    assert.ok(changed !== undefined);
    const own = { cookie: `__Host-isobar=${changed}` };
    said.push(await (await fetch(`${url}/api/sessions`, { headers: own })).text());
    for (const password of [WRONG, OWN]) {
      said.push(await (await post('/api/end-sessions', { password }, own)).text());
    }
    said.push(await run('users', 'password', 'ann', '--password-file', file('next', NEXT)));
    const lists = [['keys', 'list'], ['sessions', 'list'], ['audit']] as const;
    said.push(...(await Promise.all(lists.map((list) => run(...list, '--json')))));
    child.process.kill('SIGTERM');
    const { output, errors } = await child.ended;
    said.push(output, errors);
    said.push(...filesBelow(folder));
    assert.ok(said.join('').length > 10_000, 'the day left traces to look through');
    assert.match(said.join(''), /"login"/, 'the audit log was looked through');
    const hidden = [PASSWORD, NEXT, OWN, WRONG, FORGED, session, changed, ofKey];
    assertNowhere(
      said,
      hidden.flatMap((one) => formsOf(one, ['ann'])),
    );
  } finally {
    child.process.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
    rmSync(secrets, { recursive: true, force: true });
  }
});
