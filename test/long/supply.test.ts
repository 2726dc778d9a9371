/** What others say about the packages and the bill of materials: the registry, and CycloneDX. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { findCycloneDx } from '../support/python.ts';
import { NOT_REACHED } from '../support/reporting.ts';

const root = join(import.meta.dirname, '../..');
const python = await findCycloneDx();

const VALIDATE = `
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
problem = JsonStrictValidator(SchemaVersion.V1_5).validate_str(sys.stdin.read())
sys.exit(0 if problem is None else str(problem)[:2000])
`;

test('the bill of materials holds to the schema of CycloneDX', {
  skip: python === null && 'no Python 3 here',
}, () => {
  const bom = execFileSync(process.execPath, ['sbom.ts'], { cwd: root, encoding: 'utf8' });
  const validate = (input: string) =>
    spawnSync(python ?? '', ['-c', VALIDATE], { input, encoding: 'utf8' });
  const { status, stderr } = validate(bom);
  assert.equal(status, 0, stderr);
  const wrong = validate(bom.replace('"required"', '"needed"'));
  assert.match(wrong.stderr, /needed/);
});

/** Of the network, or of a registry that has no keys. */
const AWAY = /^(ENOTFOUND|EAI_AGAIN|ECONN\w+|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|E4\d\d|E5\d\d)$/;
const NO_KEYS = /found no dependencies to audit that were installed from a supported registry/;

test('the registry has signed what is installed', (t) => {
  const options = ['--json', '--fetch-retries=0', '--fetch-timeout=30000'];
  const { stdout } = spawnSync('npm', ['audit', 'signatures', ...options], {
    cwd: root,
    encoding: 'utf8',
  });
  const { invalid, missing, error } = JSON.parse(stdout) as Partial<Audit>;
  if (error !== undefined) {
    const { code, summary } = error;
    assert.ok(AWAY.test(code ?? '') || NO_KEYS.test(summary), `${code}: ${summary}`);
    return t.skip(`${NOT_REACHED}the keys of the registry (${code ?? summary})`);
  }
  assert.deepEqual({ invalid, missing }, { invalid: [], missing: [] });
});

test('nothing that is shipped has a known vulnerability that is not accepted', (t) => {
  const env = { ...process.env, npm_config_fetch_retries: '0' };
  const { status, stdout, stderr } = spawnSync(process.execPath, ['vulnerabilities.ts'], {
    ...{ cwd: root, encoding: 'utf8', env },
  });
  if (status === 2) return t.skip(`${NOT_REACHED}known vulnerabilities (${stderr.split('\n')[0]})`);
  assert.equal(status, 0, stdout + stderr);
});

interface Audit {
  readonly invalid: readonly object[];
  readonly missing: readonly object[];
  readonly error: { readonly code: string | null; readonly summary: string };
}
