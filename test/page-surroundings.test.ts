/** Zones that the browser does not know, data that cannot be drawn, a reverse proxy: the page works. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import {
  ARTEFACTS,
  eventually,
  findViolations,
  isQuiet,
  PANELS,
  type ServedPage,
  servePage,
  textOf,
  untilFilled,
} from './support/served-page.ts';

let served: ServedPage;
before(async () => {
  served = await servePage();
});
after(async () => {
  await served?.[Symbol.asyncDispose]();
});

/** In the page: Intl as in a browser with older or trimmed zone data, on a machine set to `own`. */
const withoutZone = (refused: string, own: string | null) => `
  const Real = Intl.DateTimeFormat;
  const own = ${JSON.stringify(own)};
  if (own !== null) {
    const options = Real.prototype.resolvedOptions;
    Real.prototype.resolvedOptions = function () {
      return { ...options.call(this), timeZone: own };
    };
  }
  Intl.DateTimeFormat = Object.assign(function (locales, options) {
    if (options?.timeZone === ${JSON.stringify(refused)}) {
      throw new RangeError('Invalid time zone specified: ' + options.timeZone);
    }
    return new Real(locales, options);
  }, { supportedLocalesOf: Real.supportedLocalesOf, prototype: Real.prototype });`;

interface Description {
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, object>>;
}

async function noteOf(page: Page): Promise<string> {
  return textOf(page, '.range-note');
}

test('times of a city whose zone the browser does not know are in UTC, and the page says so', async (t) => {
  const page = await served.newPage(t);
  await page.addInitScript(withoutZone('Asia/Dubai', null));
  await page.goto(`${served.pipeline.url}/?city=dubai`);
  await untilFilled(page);
  assert.equal(await page.locator('.card .pill').count(), 5);
  assert.equal(
    await noteOf(page),
    '▲ Times of Dubai are in UTC: this browser does not know the time zone Asia/Dubai.',
  );
  const subtitle = await textOf(page, '#chart-temperature_c .subtitle');
  assert.match(subtitle, /clock of Dubai \(UTC\)/);
  const legend = await textOf(page, '#chart-temperature_c .marks');
  assert.doesNotMatch(legend, /usual/, 'which hour is which is not known');
  await page.screenshot({ path: join(ARTEFACTS, 'zone-of-a-city.png') });
  assert.deepEqual(await findViolations(page), []);
  await page.locator('.settings').getByRole('button', { name: 'UTC', exact: true }).click();
  await page.locator('.range-note').waitFor({ state: 'detached' });
  await page.getByRole('link', { name: 'Pipeline', exact: true }).click();
  // On a busy machine a city may be late for a while.
  await eventually('all cities report', async () =>
    /5 of 5 cities reporting/.test(await textOf(page, '.facts')),
  );
  isQuiet(served);
});

test('on a machine whose own zone is unknown the reader’s times are in UTC, in every language', async (t) => {
  const page = await served.newPage(t);
  await page.addInitScript(withoutZone('Etc/Unknown', 'Etc/Unknown'));
  for (const [language, note] of [
    ['en', /^▲ Your times are in UTC: .* \(Etc\/Unknown\)\.$/],
    ['de', /^▲ Ihre Zeiten stehen in UTC: .* \(Etc\/Unknown\)\.$/],
    ['fr', /^▲ Vos heures sont en UTC : .* \(Etc\/Unknown\)\.$/],
  ] as const) {
    await page.goto(`${served.pipeline.url}/?tz=mine&lang=${language}`);
    await page.locator(`html[lang=${language}]`).waitFor();
    await untilFilled(page);
    assert.match(await noteOf(page), note);
  }
  isQuiet(served);
});

test('a panel whose data cannot be drawn says so in its place, and recovers', async (t) => {
  const page = await served.newPage(t);
  let isBroken = true;
  await page.route('**/api/hourly-trends*', async (route) => {
    if (!isBroken) return route.continue();
    const response = await route.fetch({ headers: {} });
    const answer = await response.json();
    return route.fulfill({ response, json: { ...answer, data: [null] }, headers: { etag: '"x"' } });
  });
  await page.goto(`${served.pipeline.url}/`);
  const broken = page.locator('#trends .broken');
  await broken.getByText('This part of the page cannot be shown.').waitFor();
  assert.match(await textOf(page, '#trends .broken'), /TypeError/);
  await untilFilled(page);
  assert.equal(await page.locator('.broken').count(), 1, 'all other panels are there');
  assert.equal(await page.locator('#trends h2').count(), 1, 'it keeps its title');
  await page.screenshot({ path: join(ARTEFACTS, 'panel-broken.png'), fullPage: true });
  assert.deepEqual(await findViolations(page), []);
  isBroken = false;
  await page.getByRole('button', { name: 'Refresh', exact: true }).click();
  await broken.waitFor({ state: 'detached' });
  await page.locator('#trends svg').first().waitFor();
  const others = served.browser.takeProblems().filter((text) => !text.includes('TypeError'));
  assert.deepEqual(others, []);
});

test('a city that cannot be drawn is one card, and values that are none are missing', async (t) => {
  const page = await served.newPage(t);
  await page.route('**/api/events*', (route) => route.fulfill({ status: 204 }));
  await page.route('**/api/cities*', async (route) => {
    const response = await route.fetch({ headers: {} });
    const answer = await response.json();
    const [first, second] = answer.data;
    // An old observation of no source; and one full of values that no API should give.
    Object.assign(first.latest, { observed_at: '2001-01-01T00:00:00Z', source: null });
    Object.assign(second.latest, { temperature_c: 'NaN', humidity_pct: null, condition: null });
    second.latest.observed_at = 'yesterday';
    return route.fulfill({ response, json: answer, headers: { etag: '"x"' } });
  });
  await page.goto(`${served.pipeline.url}/`);
  await page.locator('.card .broken').waitFor();
  for (const id of PANELS) await page.waitForSelector(`#${id}[aria-busy="false"]`);
  assert.equal(await page.locator('.card .broken').count(), 1);
  assert.match(await textOf(page, '.card:has(.broken)'), /Dubai/);
  assert.equal(await page.locator('.card .pill').count(), 4);
  assert.match(await textOf(page, '.card:nth-child(2)'), /–/);
  await page.screenshot({ path: join(ARTEFACTS, 'card-broken.png') });
  assert.deepEqual(await findViolations(page), []);
  served.browser.takeProblems();
});

/** A reverse proxy that shows the server below /weather, with that path taken away or kept. */
async function startProxy(target: URL, keepsPath: boolean) {
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    if (!path.startsWith('/weather')) return void response.writeHead(404).end('not here');
    const stripped = path.replace(/^\/weather/, '') || '/';
    const { host, ...headers } = request.headers;
    const options = { method: request.method, headers: { ...headers, host: target.host } };
    const url = new URL(keepsPath ? path : stripped, target);
    const upstream = send(url, options, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    upstream.on('error', () => response.destroy());
    response.on('close', () => upstream.destroy());
    request.pipe(upstream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://localhost:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('behind a proxy, page, events, controls and links work below its path', async (t) => {
  // The proxy sends a Host of its own, as nginx does: Origin has the visitor's.
  await using pipeline = await served.start({
    data: join(served.folder, 'proxied'),
    'simulator.history_days': '1',
    'api.allowed_hosts': 'localhost',
    'api.base_path': '/weather/',
  });
  for (const keepsPath of [false, true]) {
    await using proxy = await startProxy(new URL(pipeline.url ?? ''), keepsPath);
    const page = await served.newPage(t);
    const elsewhere: string[] = [];
    page.on('request', (request) => {
      const { pathname } = new URL(request.url());
      if (!pathname.startsWith('/weather/')) elsewhere.push(pathname);
    });
    await page.goto(`${proxy.url}/weather/`);
    await page.locator('.card .pill').first().waitFor();
    await page.locator('#chart-temperature_c path.line').first().waitFor();
    await eventually('live', async () => /Live/.test(await textOf(page, '#state')));
    for (const what of ['pause', 'resume']) {
      const ask = `fetch('api/${what}', { method: 'POST' }).then(({ status }) => status)`;
      assert.equal(await page.evaluate(ask), 200, what);
    }
    await page.goto(`${proxy.url}/weather/docs`);
    await page.waitForSelector('.opblock');
    const links = (await page
      .locator('a[href]:not([href^="#"]):not([href^="https:"])')
      .evaluateAll((all) =>
        all.map((link) => (link as unknown as { href: string }).href),
      )) as string[];
    const described = await fetch(`${proxy.url}/weather/openapi.json`);
    const { servers, paths } = (await described.json()) as Description;
    for (const [path, methods] of Object.entries(paths)) {
      // Without logins there are neither sessions nor a provider, the stream does not end, and what is
      // behind a number needs a city.
      const isLeftOut =
        ['/api/events', '/api/sessions', '/api/explain'].includes(path) ||
        path.startsWith('/api/oidc/');
      if ('get' in methods && !isLeftOut) {
        links.push(`${proxy.url}${servers[0]?.url}${path}`);
      }
    }
    assert.ok(links.length > 15, String(links.length));
    const statuses = await Promise.all(
      links.map(async (link) => `${(await fetch(link)).status} ${link}`),
    );
    assert.deepEqual(
      statuses.filter((status) => !status.startsWith('200 ')),
      [],
    );
    assert.deepEqual(elsewhere, []);
    await page.close();
  }
  isQuiet(served);
});
