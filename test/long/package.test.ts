/** The package as people get it: packed, installed into an empty folder, started, asked. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const STARTED_MS = 60_000;
const SHIPPED = [
  ...['CHANGELOG.md', 'LICENSE', 'NOTICE', 'README.md', 'SECURITY.md'],
  ...['cluster', 'deploy', 'dist', 'docs', 'examples', 'package.json', 'web'],
];

test('packed and installed into an empty folder, it starts and serves', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-package-'));
  try {
    execFileSync('npm', ['pack', '--pack-destination', folder], { cwd: root, stdio: 'pipe' });
    const [archive] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
    assert.ok(archive);
    writeFileSync(join(folder, 'package.json'), '{"private": true}');
    execFileSync('npm', ['install', '--no-audit', '--no-fund', join(folder, archive)], {
      cwd: folder,
      stdio: 'pipe',
    });
    const installed = join(folder, 'node_modules/isobar');
    const files = readdirSync(installed, { recursive: true }).map(String);
    assert.deepEqual(
      files.filter((name) => /\.test\.|testcases|fixtures|testing|^src/.test(name)),
      [],
    );
    assert.deepEqual(readdirSync(installed).sort(), SHIPPED);
    const rooms = (folder: string) =>
      readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name)
        .sort();
    assert.deepEqual(rooms(join(installed, 'dist')), rooms(join(root, 'src')));
    const main = join(installed, 'dist/cli/main.js');
    const help = execFileSync(process.execPath, [main, '--help'], { encoding: 'utf8' });
    assert.match(help, /isobar start/);
    await startAndAsk(main, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

async function startAndAsk(main: string, folder: string): Promise<void> {
  const child = spawn(
    process.execPath,
    [main, 'start', '--data', join(folder, 'data'), '--port', '0'],
    {
      cwd: folder,
      env: { ...process.env, ISOBAR_OPENWEATHER_KEY: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  try {
    const url = await addressOf(child);
    const page = await fetch(url);
    assert.equal(page.status, 200);
    assert.match(await page.text(), /<script type="module"/);
    const answer = await fetch(`${url}/api/cities`);
    const { data } = (await answer.json()) as { data: unknown[] };
    assert.equal(data.length, 5);
  } finally {
    child.kill('SIGTERM');
    const code = await new Promise((resolve) => child.once('exit', resolve));
    assert.equal(code, 0, 'it stops cleanly on SIGTERM');
  }
}

function addressOf(child: ReturnType<typeof spawn>): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => reject(new Error(`not up in time: ${output}`)), STARTED_MS);
    child.stderr?.on('data', (chunk) => {
      output += chunk;
      const address = /http:\/\/[\w.]+:\d+/.exec(output)?.[0];
      if (address === undefined) return;
      clearTimeout(timer);
      resolve(address);
    });
    child.once('exit', () => reject(new Error(`it ended: ${output}`)));
  });
}
