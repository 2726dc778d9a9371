/** The page where the server asks for a login: by the real program, in a browser. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { loadConfig } from '../src/config/load.ts';
import { openUsers } from '../src/pipeline/access.ts';
import { signOnSettings, startProvider } from './support/oidc-provider.ts';
import {
  findViolations,
  type ServedPage,
  servePage,
  takePicture,
  WIDE,
} from './support/served-page.ts';

const PASSWORD = 'a heron stands in the reeds';

describe('a page behind a login', () => {
  let served: ServedPage;
  before(async () => {
    served = await servePage({ 'api.auth.mode': 'local' });
    const data = join(served.folder, 'data');
    const { config } = loadConfig({ file: null, env: {}, flags: { data } });
    using access = openUsers(config);
    await access.addUser('ann', PASSWORD, 'operator');
    await access.addUser('ben', PASSWORD, 'viewer');
    await access.addUser('eve', PASSWORD, 'operator', ['country:JP', 'london']);
  });
  after(() => served[Symbol.asyncDispose]());

  async function logIn(page: Awaited<ReturnType<ServedPage['openPage']>>, name: string) {
    await page.getByLabel('Name').fill(name);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Log in' }).click();
  }

  test('shows nothing but the login, says what is wrong, and lets in who has the password', async (t) => {
    const page = await served.openPage(t);
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    assert.equal(await page.locator('main .panel').count(), 0);
    await page.getByLabel('Name').fill('ann');
    await page.getByLabel('Password').fill('a wrong password');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page
      .getByRole('alert')
      .getByText(/name or the password is wrong/)
      .waitFor();
    await logIn(page, 'ann');
    await page.locator('#cities').waitFor();
    await page.getByText('ann (operator)').waitFor();
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
  });

  test('offers a viewer nothing that a viewer may not do', async (t) => {
    const page = await served.openPage(t, '?sheet=incidents');
    await logIn(page, 'ben');
    await page.getByText('ben (viewer)').waitFor();
    await page.locator('#silences').waitFor();
    assert.equal(await page.getByRole('button', { name: /Acknowledge|Refresh/ }).count(), 0);
    assert.equal(await page.locator('.incident-actions').count(), 0);
  });

  test('shows some cities alone to those who may see some', async (t) => {
    const page = await served.openPage(t);
    await page.context().clearCookies();
    await page.reload();
    await logIn(page, 'eve');
    await page.getByText('eve (operator: country:JP, london)').waitFor();
    await page.locator('#cities .card').nth(1).waitFor();
    const names = await page.locator('#cities .card h3').allTextContents();
    assert.deepEqual(names.map((name) => name.trim()).sort(), ['London', 'Tokyo']);
    assert.equal(await page.getByRole('link', { name: 'Pipeline' }).count(), 0);
    assert.equal(await page.getByRole('button', { name: /Refresh/ }).count(), 0);
    await page.getByRole('link', { name: 'Incidents' }).click();
    await page.locator('#silences').waitFor();
    assert.equal(await page.locator('#alert-rules').count(), 0);
    const answers: string[] = [];
    page.on('response', (answer) => {
      if (answer.status() >= 400) answers.push(`${answer.status()} ${answer.url()}`);
    });
    await page.reload();
    await page.locator('#silences').getByText('Nothing is silenced.').waitFor();
    assert.deepEqual(answers, [], 'nothing is asked for that is refused');
    await takePicture(page, 'login-some-cities.png');
  });

  test('is as good in the dark and on a phone, and for assistive technology', async (t) => {
    for (const [size, scheme] of [
      [WIDE, 'light'],
      [{ width: 390, height: 844 }, 'dark'],
    ] as const) {
      const page = await served.openPage(t, '', size, scheme);
      await page.context().clearCookies();
      await page.reload();
      await page.getByRole('heading', { name: 'Log in' }).waitFor();
      assert.deepEqual(await findViolations(page), []);
      await takePicture(page, `login-${scheme}-${size.width}.png`);
    }
  });
});

test('a page behind a single sign-on leads to the provider and back, and out again', async (t) => {
  await using provider = await startProvider();
  await using served = await servePage({
    ...signOnSettings(provider),
    'api.auth.oidc.label': 'the weather office',
  });
  const { url } = served.pipeline;
  await provider.register(url ?? '');
  provider.user = { sub: 'user-1', preferred_username: 'ann', groups: ['weather'] };
  const page = await served.openPage(t, '?sheet=incidents');
  const link = page.getByRole('link', { name: 'Log in with the weather office' });
  await link.waitFor();
  assert.equal(await page.getByLabel('Password').count(), 0);
  assert.deepEqual(await findViolations(page), []);
  await takePicture(page, 'login-oidc.png');
  await link.click();
  await page.locator('#silences').waitFor();
  await page.getByText('ann (operator)').waitFor();
  assert.equal(page.url(), `${url}/?sheet=incidents`);
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.waitForURL(`${provider.issuer}/session/end*`);
  const cookies = await page.context().cookies(url ?? '');
  assert.deepEqual(
    cookies.filter(({ name }) => name.startsWith('__Host-isobar')),
    [],
  );
});
