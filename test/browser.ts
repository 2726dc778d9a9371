/**
 * A real browser for the tests of the page: `$CHROMIUM_PATH`, else /usr/bin/chromium, else the one
 * in the npm package @sparticuz/chromium. Each run has a profile of its own, and its network ends
 * at this machine: every request to another host is refused and written down.
 */
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createBrotliDecompress } from 'node:zlib';
import { type BrowserContext, type Page, chromium as playwright } from 'playwright-core';

export interface Browser extends AsyncDisposable {
  readonly context: BrowserContext;
  /** Addresses on other hosts that the page asked for; none of them was reached. */
  readonly foreign: readonly string[];
  /** Errors of the console and of scripts, and requests that failed, since the last call. */
  takeProblems(): readonly string[];
  newPage(size: { readonly width: number; readonly height: number }): Promise<Page>;
}

/** Ours, not the package's: those are for a machine of another kind. */
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--lang=en-US',
];

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

export async function findChromium(): Promise<string> {
  const named = process.env.CHROMIUM_PATH;
  if (named !== undefined && named !== '') return named;
  const installed = '/usr/bin/chromium';
  return existsSync(installed) ? installed : unpackChromium();
}

/**
 * The package's own way writes to one place under its final name, where two tests that start at
 * once read half a browser: so it is unpacked here, and is there whole or not at all.
 */
async function unpackChromium(): Promise<string> {
  const root = join(fileURLToPath(import.meta.resolve('@sparticuz/chromium')), '..', '..');
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const folder = join(import.meta.dirname, '..', 'node_modules', '.cache', 'isobar');
  const path = join(folder, `chromium-${version}`);
  if (existsSync(path)) return path;
  await mkdir(folder, { recursive: true });
  const half = `${path}.${process.pid}`;
  const packed = createReadStream(join(root, 'bin', 'chromium.br'));
  await pipeline(packed, createBrotliDecompress(), createWriteStream(half, { mode: 0o755 }));
  await rename(half, path);
  return path;
}

export async function openBrowser(): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), 'isobar-browser-'));
  const context = await playwright.launchPersistentContext(profile, {
    executablePath: await findChromium(),
    args: ARGUMENTS,
    ignoreDefaultArgs: ['--enable-automation'],
    locale: 'en-US',
    timezoneId: 'Europe/Paris',
    // The page does not depend on it; what the browser itself might ask for does.
    serviceWorkers: 'block',
  });
  const foreign: string[] = [];
  let problems: string[] = [];
  await context.route(
    (url) => !LOOPBACK.has(url.hostname),
    async (route) => {
      foreign.push(route.request().url());
      await route.abort();
    },
  );
  return {
    context,
    foreign,
    takeProblems() {
      const taken = problems;
      problems = [];
      return taken;
    },
    async newPage(size) {
      const page = await context.newPage();
      await page.setViewportSize(size);
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') {
          problems.push(`console ${message.type()}: ${message.text()}`);
        }
      });
      page.on('pageerror', (error) => problems.push(`script: ${error.message}`));
      return page;
    },
    async [Symbol.asyncDispose]() {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}
