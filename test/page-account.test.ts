/** The sheet of the account: by the real program, in a browser. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { loadConfig } from '../src/config/load.ts';
import { accessFolder, openUsers } from '../src/pipeline/access.ts';
import { signOnSettings, startProvider } from './support/oidc-provider.ts';
import {
  findViolations,
  type ServedPage,
  scrollsSideways,
  servePage,
  takePicture,
  WIDE,
} from './support/served-page.ts';

const PASSWORD = 'a heron stands in the reeds';
const NEXT = 'four storks circle above a roof';
const PHONE = { width: 390, height: 844 };
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0';

const configOf = ({ folder }: ServedPage) =>
  loadConfig({ file: null, env: {}, flags: { data: join(folder, 'data') } }).config;

/** The cookie of a session elsewhere. */
async function logInElsewhere({ pipeline }: ServedPage, name: string, password: string) {
  const answer = await fetch(`${pipeline.url}/api/login`, {
    method: 'POST',
    headers: {
      ...{ 'content-type': 'application/json', 'user-agent': FIREFOX },
      origin: pipeline.url ?? '',
    },
    body: JSON.stringify({ name, password }),
  });
  assert.equal(answer.status, 200);
  return answer.headers.getSetCookie()[0]?.split(';')[0] ?? '';
}

async function statusWith({ pipeline }: ServedPage, cookie: string): Promise<number> {
  return (await fetch(`${pipeline.url}/api/sessions`, { headers: { cookie } })).status;
}

describe('the account of a user with a password', () => {
  let served: ServedPage;
  before(async () => {
    served = await servePage({ 'api.auth.mode': 'local' });
    using access = openUsers(configOf(served));
    for (const name of ['ann', 'ben', 'eve']) await access.addUser(name, PASSWORD, 'operator');
    await access.setCities('eve', ['country:JP', 'london']);
  });
  after(() => served[Symbol.asyncDispose]());

  async function openAs(
    t: TestContext,
    name: string,
    query = '',
    ...more: readonly [size?: typeof WIDE, scheme?: 'light' | 'dark']
  ): Promise<Page> {
    const page = await served.openPage(t, '', ...more);
    await page.context().clearCookies();
    await page.goto(`${served.pipeline.url}/${query}`);
    await page.locator('[name=username]').fill(name);
    await page.locator('[name=password]').fill(PASSWORD);
    await page.keyboard.press('Enter');
    await page.locator('.top .fresh').waitFor();
    return page;
  }

  test('is found at the name, and the password is changed there', async (t) => {
    const page = await openAs(t, 'ann');
    const elsewhere = await logInElsewhere(served, 'ann', PASSWORD);
    await page.getByRole('link', { name: 'ann (operator)' }).click();
    await page.locator('#sessions tbody tr').nth(1).waitFor();
    assert.match(page.url(), /\?sheet=account$/);
    const old = page.getByLabel('Current password');
    const next = page.getByLabel('New password');
    const change = page.getByRole('button', { name: 'Change the password' });
    assert.equal(await old.getAttribute('type'), 'password');
    for (const [given, chosen, field, problem] of [
      ['', NEXT, old, /Fill in this field/],
      [PASSWORD, 'short', next, /15 characters or more; these are 5/],
      ['a wrong password', NEXT, old, /not your current password/],
      [PASSWORD, 'Dragon Baseball!!', next, /can be guessed: expected another one/],
    ] as const) {
      await old.fill(given);
      await next.fill(chosen);
      await change.click();
      await page.getByRole('alert').getByText(problem).waitFor();
      assert.equal(await field.getAttribute('aria-invalid'), 'true');
      const described = ((await field.getAttribute('aria-describedby')) ?? '').split(' ');
      const texts = await Promise.all(described.map((id) => page.locator(`#${id}`).textContent()));
      assert.match(texts.join(' '), problem, 'the field says it, too');
      const focused = await page.evaluate('document.activeElement.id');
      assert.equal(focused, await field.getAttribute('id'));
    }
    assert.equal(await statusWith(served, elsewhere), 200);
    const cookies = await page.context().cookies();
    await page.getByLabel('Show the passwords').check();
    assert.equal(await next.getAttribute('type'), 'text');
    await next.fill(NEXT);
    await next.press('Enter');
    await page.getByRole('status').getByText('Your password is changed').waitFor();
    assert.equal(await next.inputValue(), '');
    await page.locator('#sessions').getByText('You are not logged in anywhere else.').waitFor();
    assert.equal(await statusWith(served, elsewhere), 401);
    // Answers to what was asked before the change come late, and are refused.
    const changed = await page.context().cookies();
    await page.context().addCookies(cookies);
    const refused = page.waitForResponse((answer) => answer.status() === 401);
    await page.locator('h1').click();
    await page.keyboard.press('r');
    await refused;
    await page.context().addCookies(changed);
    await page.waitForFunction('new Promise((seen) => requestAnimationFrame(() => seen(true)))');
    assert.equal(await page.getByRole('heading', { name: 'Log in' }).count(), 0);
    await logInElsewhere(served, 'ann', NEXT);
    await page.reload();
    await page.locator('#sessions tbody tr').nth(1).waitFor();
    assert.deepEqual(
      served.browser.takeProblems().filter((text) => !/40[013]/.test(text)),
      [],
    );
  });

  test('lists sessions, which are ended with the keyboard alone', async (t) => {
    const page = await openAs(t, 'ben', '?sheet=account');
    const cookies = [];
    for (let count = 0; count < 3; count += 1) {
      cookies.push(await logInElsewhere(served, 'ben', PASSWORD));
    }
    await page.reload();
    const rows = page.locator('#sessions tbody tr');
    await rows.nth(3).waitFor();
    assert.equal(await rows.filter({ hasText: 'this session' }).count(), 1);
    await rows.filter({ hasText: 'Firefox 143, Linux' }).first().waitFor();
    const end = page.getByRole('button', { name: 'End the session of Firefox 143, Linux' }).first();
    await end.focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'End this session' });
    await dialog.getByLabel('Your password').fill('a wrong password');
    await page.keyboard.press('Enter');
    await dialog.getByRole('alert').getByText('not your current password').waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    assert.equal(await rows.count(), 4, 'nothing has ended');
    await end.press('Enter');
    await dialog.getByLabel('Your password').fill(PASSWORD);
    await page.keyboard.press('Enter');
    await page.getByRole('status').getByText('1 session ended.').waitFor();
    await rows.nth(3).waitFor({ state: 'detached' });
    const isFocused = `document.activeElement.id === 'sessions-title'`;
    await page.waitForFunction(isFocused);
    await page.getByRole('button', { name: 'End all other sessions' }).press('Enter');
    const all = page.getByRole('dialog', { name: 'End all other sessions' });
    await all.getByLabel('Your password').fill(PASSWORD);
    await all.getByRole('button', { name: 'End all other sessions' }).click();
    await page.getByRole('status').getByText('2 sessions ended.').waitFor();
    await page.locator('#sessions').getByText('You are not logged in anywhere else.').waitFor();
    for (const cookie of cookies) assert.equal(await statusWith(served, cookie), 401);
  });

  test('a session that has ended meanwhile leads to the login', async (t) => {
    const page = await openAs(t, 'ben', '?sheet=account');
    await page.locator('#sessions tbody tr').first().waitFor();
    await page.getByLabel('Current password').fill(PASSWORD);
    await page.getByLabel('New password').fill(NEXT);
    using access = openUsers(configOf(served));
    await access.endSessions('ben');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
  });

  test('is as good in the dark, on a phone, in each language, and for assistive technology', async (t) => {
    await logInElsewhere(served, 'eve', PASSWORD);
    for (const [size, scheme, language, title] of [
      [WIDE, 'light', 'en', 'Your account'],
      [WIDE, 'dark', 'de', 'Ihr Konto'],
      [PHONE, 'light', 'fr', 'Votre compte'],
      [PHONE, 'dark', 'en', 'Your account'],
    ] as const) {
      const page = await openAs(t, 'eve', `?sheet=account&lang=${language}`, size, scheme);
      await page.getByRole('heading', { name: title }).waitFor();
      await page.locator('#sessions tbody tr').nth(1).waitFor();
      const name = `${scheme}-${size.width}-${language}.png`;
      await takePicture(page, `account-${name}`, { fullPage: true });
      await page.locator('#password [type=submit]').click();
      await page.locator('#old-password[aria-invalid=true]').waitFor();
      assert.deepEqual(await findViolations(page), []);
      assert.equal(await scrollsSideways(page), false);
      await takePicture(page, `account-problem-${name}`);
      await page.locator('#sessions tbody button').first().click();
      await page.locator('dialog[open] #confirm-password').waitFor();
      assert.deepEqual(await findViolations(page), []);
      await takePicture(page, `account-end-${name}`);
      await page.keyboard.press('Escape');
    }
  });
});

test('with a single sign-on the password is elsewhere, and a late login is asked for', async (t) => {
  await using provider = await startProvider();
  await using served = await servePage(signOnSettings(provider));
  await provider.register(served.pipeline.url ?? '');
  provider.user = { sub: 'user-1', preferred_username: 'ann', groups: ['weather'] };
  const page = await served.openPage(t, '?sheet=account');
  const logIn = async () => {
    await page.context().clearCookies();
    await page.goto(`${served.pipeline.url}/api/oidc/login?to=/?sheet=account`);
    await page.locator('#sessions tbody tr').first().waitFor();
  };
  await logIn();
  await logIn();
  await page.locator('#sessions tbody tr').nth(1).waitFor();
  assert.equal(await page.locator('#password').count(), 0);
  assert.deepEqual(await findViolations(page), []);
  await takePicture(page, 'account-oidc.png', { fullPage: true });
  using file = new DatabaseSync(join(accessFolder(configOf(served)), 'access.sqlite'));
  const created = file.prepare('SELECT max(created_at) AS at FROM sessions').get()?.at;
  const earlier = new Date(Date.parse(String(created)) - 11 * 60_000).toISOString();
  file.prepare('UPDATE sessions SET created_at = ?').run(earlier);
  await page.getByRole('button', { name: 'End all other sessions' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'End all other sessions' }).click();
  await dialog.getByRole('alert').getByText('more than ten minutes ago').waitFor();
  await dialog.getByRole('link', { name: 'Log in again' }).click();
  await page.locator('#sessions tbody tr').first().waitFor();
  await page.getByRole('button', { name: 'End all other sessions' }).click();
  await dialog.getByRole('button', { name: 'End all other sessions' }).click();
  await page.getByRole('status').getByText('1 session ended.').waitFor();
});

test('behind a proxy that logs in, the sheet says where the sessions are', async (t) => {
  await using served = await servePage({
    'api.auth.mode': 'proxy',
    'api.auth.proxy.addresses': '127.0.0.1',
    'api.auth.proxy.user_header': 'x-forwarded-user',
    'api.auth.proxy.role': 'viewer',
  });
  await served.browser.context.setExtraHTTPHeaders({ 'x-forwarded-user': 'ann' });
  const asked: string[] = [];
  const page = await served.openPage(t);
  page.on('request', (request) => asked.push(request.url()));
  await page.getByRole('link', { name: 'ann (viewer)' }).click();
  await page.getByText('Your sessions are kept where you log in').waitFor();
  assert.equal(await page.locator('#password').count(), 0);
  assert.deepEqual(
    asked.filter((url) => url.endsWith('/api/sessions')),
    [],
  );
});
