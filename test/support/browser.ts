/**
 * A real browser for the tests of the page: `$CHROMIUM_PATH`, else /usr/bin/chromium, else the one
 * in the npm package @sparticuz/chromium. Each run has a profile of its own, and its network ends
 * at this machine: every request to another host is refused and written down.
 */
import { execFileSync } from 'node:child_process';
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
  /** Addresses on other hosts that the page asked for; no request reached them. */
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

interface Chromium {
  readonly path: string;
  /** Folder of the libraries that it brings along; null where it uses the machine's. */
  readonly libraries: string | null;
}

async function findChromium(): Promise<Chromium> {
  const named = process.env.CHROMIUM_PATH;
  if (named !== undefined && named !== '') return { path: named, libraries: null };
  const installed = '/usr/bin/chromium';
  return existsSync(installed) ? { path: installed, libraries: null } : unpackChromium();
}

/**
 * The package's own way writes to one place under its final name, where two tests that start at
 * once read half a browser: so it is unpacked here, and is there whole or not at all. Its NSS and
 * expat come along, so that the machine needs nothing but a C library and `tar`.
 */
async function unpackChromium(): Promise<Chromium> {
  const root = join(fileURLToPath(import.meta.resolve('@sparticuz/chromium')), '..', '..');
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const cache = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'isobar');
  const folder = join(cache, `chromium-${version}-whole`);
  const found = { path: join(folder, 'chromium'), libraries: join(folder, 'lib') };
  if (existsSync(folder)) return found;
  await mkdir(cache, { recursive: true });
  const half = await mkdtemp(`${folder}.`);
  const unpack = (name: string, to: string) =>
    pipeline(
      createReadStream(join(root, 'bin', name)),
      createBrotliDecompress(),
      createWriteStream(join(half, to), { mode: 0o755 }),
    );
  await Promise.all([unpack('chromium.br', 'chromium'), unpack('al2023.tar.br', 'lib.tar')]);
  execFileSync('tar', ['-xf', 'lib.tar'], { cwd: half });
  await rm(join(half, 'lib.tar'));
  await rename(half, folder).catch(async (error) => {
    // Another test was faster, and its browser is as good.
    await rm(half, { recursive: true });
    if (!existsSync(folder)) throw error;
  });
  return found;
}

export async function openBrowser(): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), 'isobar-browser-'));
  const { path, libraries } = await findChromium();
  const context = await playwright.launchPersistentContext(profile, {
    executablePath: path,
    args: ARGUMENTS,
    env: libraries === null ? process.env : { ...process.env, LD_LIBRARY_PATH: libraries },
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
      // The console shows the status only.
      page.on('response', (answer) => {
        if (answer.status() < 500) return;
        const seen = `an answer with a status of ${answer.status()}: ${answer.url()}`;
        const known = problems;
        const at = known.push(seen) - 1;
        const add = (text: string) => {
          known[at] = `${seen} ${text.slice(0, 500)}`;
        };
        answer.text().then(add, () => {});
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
