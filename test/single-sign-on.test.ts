/** The single sign-on by the real program at a real provider, and what attackers try on its way. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { readAudit } from '../src/access/audit.ts';
import { describeConfig, formatConfig, loadConfig } from '../src/config/load.ts';
import type { Logger } from '../src/logger.ts';
import { accessFolder, assertAccess, openUsers } from '../src/pipeline/access.ts';
import { type Pipeline, startPipeline } from '../src/pipeline/pipeline.ts';
import { CLIENT, startProvider, type TestProvider } from './support/oidc-provider.ts';
import { until } from './support/until.ts';

const PASSWORD = 'a heron stands in the reeds';
const CALLBACK = '/api/oidc/callback';

// biome-ignore lint/suspicious/noExplicitAny: what is in it is looked at
const bodyOf = async (response: Response): Promise<any> => response.json();

/** A browser, as far as this needs one: it keeps cookies by host and follows where it is sent. */
function openBrowser() {
  const jars = new Map<string, Map<string, string>>();

  async function ask(url: string, init: RequestInit = {}): Promise<Response> {
    const { host } = new URL(url);
    const jar = jars.get(host) ?? new Map<string, string>();
    jars.set(host, jar);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { accept: 'text/html', ...(init.headers as object), cookie };
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = '', attributes = ''] = /^([^=]+)=([^;]*)(.*)$/.exec(line) ?? [];
      const isOver = value === '' || /max-age=0|expires=Thu, 01 Jan 1970/i.test(attributes);
      if (isOver) jar.delete(name);
      else jar.set(name, value);
    }
    return response;
  }

  return {
    ask,
    cookie: (url: string, name: string) => jars.get(new URL(url).host)?.get(name) ?? null,
    setCookie(url: string, name: string, value: string) {
      jars.get(new URL(url).host)?.set(name, value);
    },
    /** Goes on until the address begins with this, or nothing sends it on; resolves with that address. */
    async follow(from: string, stopAt = '\0'): Promise<{ url: string; response: Response | null }> {
      let url = from;
      for (let steps = 0; steps < 20; steps += 1) {
        if (url.startsWith(stopAt)) return { url, response: null };
        const response = await ask(url);
        const location = response.headers.get('location');
        if (location === null) return { url, response };
        await response.body?.cancel();
        url = new URL(location, url).href;
      }
      throw new Error(`it never came to rest: ${url}`);
    },
  };
}

describe('single sign-on', () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-sso-'));
  let provider: TestProvider;
  let pipeline: Pipeline;
  let url = '';
  const lines: string[] = [];
  const log = (...entry: unknown[]) => void lines.push(inspect(entry, { depth: 10 }));
  const logger: Logger = { debug: log, info: log, warn: log, error: log };
  const load = (more: Readonly<Record<string, string>> = {}) =>
    loadConfig({
      file: null,
      env: { ISOBAR_API_AUTH_OIDC_CLIENT_SECRET: CLIENT.secret },
      flags: {
        ...{ data: folder, 'api.port': '0', 'collector.source': 'none', 'api.auth.mode': 'oidc' },
        'api.auth.roles': 'weather-admins=admin; weather=operator',
        'api.auth.oidc.issuer': provider.issuer,
        'api.auth.oidc.client_id': CLIENT.id,
        'api.auth.oidc.label': 'the weather office',
        ...more,
      },
    });
  const config = (more: Readonly<Record<string, string>> = {}) => load(more).config;
  const start = (more: Readonly<Record<string, string>> = {}) =>
    startPipeline({
      ...{ config: config(more), roles: ['serve'], logger, version: '0.0.0' },
      ...{ command: 'isobar test', webFolder: null },
    });
  before(async () => {
    provider = await startProvider();
    pipeline = await start();
    url = pipeline.url ?? '';
  });
  after(async () => {
    await pipeline[Symbol.asyncDispose]();
    await provider[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });
  const ann = { sub: 'user-1', preferred_username: 'ann', groups: ['staff', 'weather'] };
  const start_ = (to = '/') => `${url}/api/oidc/login?to=${encodeURIComponent(to)}`;
  const whoIs = async (browser: ReturnType<typeof openBrowser>) =>
    (await bodyOf(await browser.ask(`${url}/api/session`))).data.principal;
  const status = async (browser: ReturnType<typeof openBrowser>) =>
    (await browser.ask(`${url}/api/status`)).status;
  async function logIn(to = '/') {
    const browser = openBrowser();
    const { url: end } = await browser.follow(start_(to), `${url}/?`);
    return { browser, end };
  }

  test('a provider that is away does not keep the server from starting, and is asked again', async () => {
    const browser = openBrowser();
    const { response } = await browser.follow(start_());
    assert.equal(response?.status, 503);
    assert.match(await (response as Response).text(), /provider of logins or tokens cannot be/);
    assert.equal((await fetch(`${url}/livez`)).status, 200);
    await provider.register(url);
    await until('the provider is there', async () => {
      const answer = await openBrowser().ask(start_());
      return answer.status === 303;
    });
  });

  test('whoever the provider knows comes back with the role of the groups, to where it was', async () => {
    provider.user = ann;
    const { browser, end } = await logIn('/?sheet=incidents&city=oslo');
    assert.equal(end, `${url}/?sheet=incidents&city=oslo`);
    assert.deepEqual(await whoIs(browser), {
      ...{ kind: 'user', name: 'ann', role: 'operator', cities: null },
    });
    assert.equal(await status(browser), 200);
    assert.match(browser.cookie(url, '__Host-isobar') ?? '', /^[\w-]{43}$/);
    assert.equal(browser.cookie(url, '__Host-isobar-login'), null, 'good for one answer');
    const { data } = await bodyOf(await browser.ask(`${url}/api/session`));
    assert.deepEqual(
      [data.login, data.start, data.label, data.passwords],
      ['oidc', 'api/oidc/login', 'the weather office', false],
    );
    using access = openUsers(config());
    const [row] = access.sessions();
    assert.deepEqual([row?.user, row?.login], ['ann', 'oidc']);
    assert.equal(await access.endSessions('ann'), 1);
    assert.equal(await status(browser), 401);
  });

  test('a login replaces the session that the browser had', async () => {
    provider.user = ann;
    const { browser } = await logIn();
    const before = browser.cookie(url, '__Host-isobar');
    await browser.follow(start_(), `${url}/`);
    await browser.follow(start_(), `${url}/?`);
    assert.notEqual(browser.cookie(url, '__Host-isobar'), before);
    const old = { cookie: `__Host-isobar=${before}` };
    assert.equal((await fetch(`${url}/api/status`, { headers: old })).status, 401);
  });

  test('who has no role, or turns back at the provider, is told so and gets no session', async () => {
    for (const [user, expected, text] of [
      [{ sub: 'user-2', preferred_username: 'ben', groups: ['staff'] }, 403, /No role follows/],
      [{ sub: 'user-3', preferred_username: 'cat' }, 403, /claim groups is missing/],
      [null, 401, /answered access_denied/],
    ] as const) {
      provider.user = user;
      const browser = openBrowser();
      const { response } = await browser.follow(start_());
      assert.equal(response?.status, expected);
      assert.match(response?.headers.get('content-type') ?? '', /^text\/html/);
      assert.match(await (response as Response).text(), text);
      assert.equal(browser.cookie(url, '__Host-isobar'), null);
      assert.equal(await whoIs(browser), null);
    }
  });

  test('the answer to one login is of no use to another browser, twice, or with another state', async () => {
    provider.user = ann;
    const [victim, attacker] = [openBrowser(), openBrowser()];
    const own = await attacker.follow(start_(), url + CALLBACK);
    const refusals: [string, Response][] = [];
    // Login CSRF: the victim would go on as the attacker.
    refusals.push(['without a begun login', await victim.ask(own.url)]);
    await victim.ask(start_());
    refusals.push(['in another login', await victim.ask(own.url)]);
    const two = await attacker.follow(start_(), url + CALLBACK);
    const ticket = attacker.cookie(url, '__Host-isobar-login') ?? '';
    const twice = new URL(two.url);
    twice.searchParams.append('state', 'another');
    refusals.push(['two states', await attacker.ask(twice.href)]);
    attacker.setCookie(url, '__Host-isobar-login', ticket);
    assert.equal((await attacker.ask(two.url)).status, 303, 'the right one');
    attacker.setCookie(url, '__Host-isobar-login', ticket);
    refusals.push(['the code a second time', await attacker.ask(two.url)]);
    for (const [name, response] of refusals) {
      assert.equal(response.status, 401, name);
      assert.match(await response.text(), /SIGN_ON_FAILED/);
      assert.ok(!response.headers.getSetCookie().some((line) => /^__Host-isobar=\S/.test(line)));
    }
    assert.equal(await whoIs(victim), null);
  });

  test('another issuer cannot answer for the provider (mix-up)', async () => {
    provider.user = ann;
    const browser = openBrowser();
    const { url: back } = await browser.follow(start_(), url + CALLBACK);
    const mixed = new URL(back);
    assert.equal(mixed.searchParams.get('iss'), provider.issuer);
    mixed.searchParams.set('iss', 'https://evil.example');
    assert.equal((await browser.ask(mixed.href)).status, 401);
  });

  test('the browser is sent to paths of this server alone', async () => {
    for (const to of [
      ...['https://evil.example/', '//evil.example', '/\\evil.example', '\\\\evil.example', 'evil'],
      ...['/%0d%0aset-cookie:a=b', '/\r\nx: y', '/\t/evil.example', ' //evil.example', '/.//evil'],
      ...['javascript:alert(1)', 'data:text/html,x', '/..//evil.example', `/${'x'.repeat(2_050)}`],
    ]) {
      const answer = await fetch(start_(to), { redirect: 'manual' });
      const where = JSON.stringify(to);
      if (answer.status === 303) {
        provider.user = ann;
        const { url: end } = await openBrowser().follow(start_(to), `${url}/%`);
        assert.ok(end.startsWith(`${url}/`), where);
      } else assert.equal(answer.status, 400, where);
    }
  });

  test('another site can neither begin a login nor end a session', async () => {
    for (const site of ['cross-site', 'same-site']) {
      const answer = await fetch(start_(), {
        headers: { 'sec-fetch-site': site },
        redirect: 'manual',
      });
      assert.equal(answer.status, 403);
      assert.deepEqual(answer.headers.getSetCookie(), []);
    }
    const head = await fetch(`${url}${CALLBACK}?code=a&state=b`, { method: 'HEAD' });
    assert.equal(head.status, 405);
    const forged = await fetch(`${url}/api/login`, { method: 'POST' });
    assert.equal(forged.status, 404, 'passwords are off');
  });

  test('cookies of any form end in a refusal, never in a session or a fault', async () => {
    const real = await openBrowser().ask(start_());
    const ticket = /__Host-isobar-login=([^;]+)/.exec(real.headers.get('set-cookie') ?? '')?.[1];
    assert.ok(ticket);
    const flip = fc.nat(ticket.length - 1).map((at) => {
      const other = ticket[at] === 'A' ? 'B' : 'A';
      return ticket.slice(0, at) + other + ticket.slice(at + 1);
    });
    const text = fc.string({ unit: fc.constantFrom(...'abcAB019-_.;=, "%') });
    await fc.assert(
      fc.asyncProperty(fc.oneof(flip, text), text, async (value, state) => {
        const query = `code=x&state=${encodeURIComponent(state)}`;
        const cookie = `__Host-isobar-login=${value}; __Host-isobar=${value}`;
        const answer = await fetch(`${url}${CALLBACK}?${query}`, { headers: { cookie } });
        assert.equal(answer.status, 401, cookie);
        const { code } = await bodyOf(answer);
        assert.equal(code, 'SIGN_ON_FAILED');
        const asked = await fetch(`${url}/api/status`, { headers: { cookie } });
        assert.equal(asked.status, 401);
      }),
      { numRuns: 100 },
    );
  });

  test('a new key of the provider is taken at once', async () => {
    provider.user = ann;
    await provider.register(url);
    const { browser } = await logIn();
    assert.equal((await whoIs(browser))?.name, 'ann');
  });

  test('a logout ends the session here, and at the provider', async () => {
    provider.user = ann;
    const { browser } = await logIn();
    const answer = await browser.ask(`${url}/api/logout`, {
      method: 'POST',
      headers: { origin: url },
    });
    const { data } = await bodyOf(answer);
    assert.equal(data.principal, null);
    const next = new URL(data.next);
    assert.equal(next.origin, provider.issuer);
    assert.equal(next.searchParams.get('post_logout_redirect_uri'), `${url}/`);
    assert.match(next.searchParams.get('id_token_hint') ?? '', /^[\w-]+\.[\w-]+\.[\w-]+$/);
    assert.equal(await status(browser), 401);
    // The form that the provider asks with.
    const { response, url: at } = await browser.follow(next.href);
    const form = await (response as Response).text();
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(form)?.[1] ?? '';
    const action = /action="([^"]+)"/.exec(form)?.[1] ?? '';
    const done = await browser.ask(new URL(action, at).href, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ xsrf, logout: 'yes' }).toString(),
    });
    assert.equal(done.headers.get('location'), `${url}/`);
  });

  test('a logout at the provider ends the sessions here (back-channel)', async () => {
    provider.user = ann;
    const { browser } = await logIn();
    const { browser: elsewhere } = await logIn();
    assert.equal(await status(browser), 200);
    const { response, url: at } = await browser.follow(`${provider.issuer}/session/end`);
    const form = await (response as Response).text();
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(form)?.[1] ?? '';
    const action = /action="([^"]+)"/.exec(form)?.[1] ?? '';
    await browser.ask(new URL(action, at).href, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ xsrf, logout: 'yes' }).toString(),
    });
    await until('the session has ended', async () => (await status(browser)) === 401);
    assert.equal(await status(elsewhere), 200, 'that of another browser goes on');
  });

  test('nothing of the provider is kept in the clear, and logins are noted', async () => {
    const files = readdirSync(join(folder, 'access'));
    const text = files.map((file) => readFileSync(join(folder, 'access', file), 'latin1')).join();
    const { browser } = await logIn();
    const session = browser.cookie(url, '__Host-isobar') ?? '';
    assert.equal(session.length, 43);
    assert.ok(load().secrets.includes(CLIENT.secret));
    const said = [text, ...lines, formatConfig(load()), JSON.stringify(describeConfig(load()))];
    assert.ok(lines.length > 20, 'requests and refusals are in the log');
    for (const secret of [CLIENT.secret, encodeURIComponent(CLIENT.secret), session]) {
      assert.ok(!said.join('\n').includes(secret), secret);
    }
    assert.doesNotMatch(said.join('\n'), /eyJ[\w-]{10,}\.[\w-]{10,}\./);
    const { entries } = await readAudit(accessFolder(config()), 200);
    const logins = entries.filter(({ action }) => action === 'login');
    const seen = new Set(logins.map(({ who, target, outcome }) => `${who} ${target} ${outcome}`));
    const wanted = ['ann oidc user-1 ok', 'ben oidc ROLE_MISSING', 'null oidc SIGN_ON_FAILED'];
    for (const line of wanted) assert.ok(seen.has(line), `${line}: ${[...seen].join(', ')}`);
    assert.ok(entries.some(({ action, outcome }) => action === 'oidc logout' && outcome === 'ok'));
    assert.ok(entries.some(({ who, action }) => who === 'ann' && action === 'logout'));
  });

  test('keys go on, and passwords where a setting allows them', async () => {
    const sso = (await logIn()).browser;
    using access = openUsers(config({ 'api.auth.oidc.passwords': 'true' }));
    const key = await access.addKey('exporter', 'viewer', null);
    const bearer = { headers: { authorization: `Bearer ${key}` } };
    assert.equal((await fetch(`${url}/api/status`, bearer)).status, 200);
    await access.addUser('root', PASSWORD, 'admin');
    const visitor = { address: '192.0.2.1', agent: '' };
    const { token } = await access.login('root', PASSWORD, visitor);
    const session = { headers: { cookie: `__Host-isobar=${token}` } };
    assert.equal((await fetch(`${url}/api/status`, session)).status, 401, 'passwords are off');
    await using other = await start({ 'api.auth.oidc.passwords': 'true' });
    assert.equal((await fetch(`${other.url}/api/status`, session)).status, 200);
    const cookie = { cookie: `__Host-isobar=${sso.cookie(url, '__Host-isobar')}` };
    assert.equal((await fetch(`${other.url}/api/status`, { headers: cookie })).status, 200);
    using elsewhere = openUsers(config({ 'api.auth.oidc.issuer': 'https://other.example' }));
    assert.deepEqual(elsewhere.sessions(), [], 'another provider has said nothing of them');
  });

  test('below a path and behind a proxy the provider sends back to where the browser was', async () => {
    const flags = { 'api.base_path': '/weather', 'api.allowed_hosts': 'weather.example.org' };
    const forwarded = {
      headers: { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'weather.example.org' },
      redirect: 'manual',
    } as const;
    const back = async (address: string) => {
      const answer = await fetch(`${address}/weather/api/oidc/login`, forwarded);
      const { searchParams } = new URL(answer.headers.get('location') ?? '');
      return searchParams.get('redirect_uri');
    };
    const originOf = ({ url: address }: Pipeline) => new URL(address ?? '').origin;
    await using trusting = await start({ ...flags, 'api.trusted_proxies': '127.0.0.1' });
    const expected = `https://weather.example.org/weather${CALLBACK}`;
    assert.equal(await back(originOf(trusting)), expected);
    const page = 'https://set.example/weather/';
    await using set = await start({ ...flags, 'api.auth.oidc.page_url': page });
    assert.equal(await back(originOf(set)), `https://set.example/weather${CALLBACK}`);
    await using alone = await start(flags);
    const own = `${originOf(alone)}/weather`;
    assert.equal(await back(originOf(alone)), own + CALLBACK, 'not the word of a stranger');
    await provider.register(own);
    provider.user = ann;
    const browser = openBrowser();
    const { url: end } = await browser.follow(`${own}/api/oidc/login?to=/?a=b`, `${own}/?`);
    assert.equal(end, `${own}/?a=b`);
    assert.equal((await browser.ask(`${own}/api/status`)).status, 200);
    await provider.register(url);
  });

  test('a server without the secret of its client does not start', async () => {
    const { config: whole } = load();
    const oidc = { ...whole.api.auth.oidc, client_secret: '' };
    const bare = { ...whole, api: { ...whole.api, auth: { ...whole.api.auth, oidc } } };
    assert.throws(() => assertAccess(bare), /client_secret: expected a value.*SECRET_FILE/);
    assertAccess(whole);
  });
});
