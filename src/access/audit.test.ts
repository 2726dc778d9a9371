import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { IsobarError } from '../errors.ts';
import { type Audit, openAudit, readAudit } from './audit.ts';

const ENTRY = {
  who: 'ann',
  from: '192.0.2.1',
  action: 'login',
  target: null,
  error: null,
} as const;

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-audit-'));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('entries are kept in order over restarts, and what several write at once is whole', () =>
  withFolder(async (folder) => {
    for (let start = 0; start < 3; start += 1) {
      await using audit = openAudit(folder);
      const records = Array.from({ length: 20 }, (_, at) =>
        audit.record({ ...ENTRY, target: `${start}-${at}` }),
      );
      await Promise.all(records);
    }
    const { entries, damaged } = await readAudit(folder, 1_000);
    assert.equal(damaged, 0);
    assert.deepEqual(
      entries.map(({ target }) => target),
      [0, 1, 2].flatMap((start) => Array.from({ length: 20 }, (_, at) => `${start}-${at}`)),
    );
    assert.deepEqual((await readAudit(folder, 3)).entries, entries.slice(-3));
    assert.equal(statSync(join(folder, 'audit.jsonl')).mode & 0o077, 0);
  }));

test('a full file is put aside, and the oldest are removed', () =>
  withFolder(async (folder) => {
    let now = Date.UTC(2026, 10, 30);
    const clock = () => {
      now += 1_000;
      return new Date(now);
    };
    await using audit = openAudit(folder, clock, 200);
    for (let at = 0; at < 80; at += 1) await audit.record({ ...ENTRY, target: String(at) });
    const names = readdirSync(folder);
    assert.equal(names.filter((name) => /^audit-.*\.jsonl$/.test(name)).length, 20);
    const { entries } = await readAudit(folder, 1_000);
    assert.equal(entries.at(-1)?.target, '79');
    const numbers = entries.map(({ target }) => Number(target));
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    );
  }));

test('a flood of failures pushes nothing out, and is counted', () =>
  withFolder(async (folder) => {
    let now = Date.UTC(2026, 10, 30);
    const error = new IsobarError('LOGIN_REFUSED', 'the name or the password is wrong');
    const fail = (audit: Audit, at: number, from: string) =>
      audit.record({ ...ENTRY, from, target: String(at), error });
    {
      await using audit = openAudit(folder, () => new Date(now));
      for (let at = 0; at < 1_000; at += 1) {
        await fail(audit, at, `2001:db8::${at.toString(16)}`);
        if (at === 500) await audit.record(ENTRY);
      }
      await fail(audit, 1_000, '192.0.2.1');
      now += 60_000;
      await fail(audit, 1_001, '2001:db8::1');
      for (let at = 0; at < 10_000; at += 1) await fail(audit, at, `192.0.${at % 256}.1`);
    }
    const { entries } = await readAudit(folder, 10_000);
    const targets = entries.map(({ target }) => target);
    assert.deepEqual(
      targets.slice(0, 60),
      Array.from({ length: 60 }, (_, at) => String(at)),
    );
    assert.deepEqual(targets.slice(60, 64), [null, '1000', '940 more failures', '1001']);
    assert.deepEqual(targets.slice(-1), ['9401 more failures']);
    assert.equal(entries.length, 63 + 600 + 1);
  }));

test('refused parameters are counted for themselves, and hide no failed login', () =>
  withFolder(async (folder) => {
    let now = Date.UTC(2026, 10, 30);
    const refused = new IsobarError('PARAMETER_INVALID', 'from: expected a time');
    const failed = new IsobarError('LOGIN_REFUSED', 'the name or the password is wrong');
    const note = (audit: Audit, from: string, error: IsobarError) =>
      audit.record({ ...ENTRY, from, target: error.code, error });
    {
      await using audit = openAudit(folder, () => new Date(now));
      for (let at = 0; at < 1_000; at += 1) await note(audit, '192.0.2.1', refused);
      for (let at = 0; at < 1_000; at += 1) await note(audit, `198.51.100.${at % 256}`, refused);
      for (let at = 0; at < 60; at += 1) await note(audit, '192.0.2.1', failed);
      now += 60_000;
      await note(audit, '192.0.2.1', refused);
    }
    const { entries } = await readAudit(folder, 10_000);
    const counts = Map.groupBy(entries, ({ target }) => target);
    assert.deepEqual(
      [...counts].map(([target, { length }]) => [target, length]),
      [
        ['PARAMETER_INVALID', 61],
        ['LOGIN_REFUSED', 60],
        ['1940 more refused parameters', 1],
      ],
    );
    const own = entries.filter(
      ({ from, outcome }) => from === '192.0.2.1' && /^PARA/.test(outcome),
    );
    assert.equal(own.length, 11, 'ten of a network in a minute, and one of the next');
  }));

test('no text forges a line, and errors are noted by their code', () =>
  withFolder(async (folder) => {
    await using audit = openAudit(folder);
    const who = 'ann"}\n{"at":"2026","who":"root"';
    const error = new IsobarError('LOGIN_REFUSED', 'the name or the password is wrong');
    await audit.record({ ...ENTRY, who, target: 'x'.repeat(10_000), error });
    const { entries } = await readAudit(folder, 10);
    assert.equal(entries.length, 1);
    assert.deepEqual([entries[0]?.who, entries[0]?.outcome], [who, 'LOGIN_REFUSED']);
    assert.equal(entries[0]?.target?.length, 256);
  }));

test('damaged lines are counted and left out', () =>
  withFolder(async (folder) => {
    await using audit = openAudit(folder);
    await audit.record(ENTRY);
    appendFileSync(join(folder, 'audit.jsonl'), '{"at":"2026-11-30T00:0\nnull\n');
    await audit.record(ENTRY);
    const { entries, damaged } = await readAudit(folder, 10);
    assert.deepEqual([entries.length, damaged], [2, 2]);
  }));
