/** The API where it asks for a login, with a user of each role. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Access, type AccessOptions, openAccess } from '../../access/access.ts';
import { type Audit, openAudit } from '../../access/audit.ts';
import { ACCESS_ROLES } from '../../model/access.ts';
import { observation } from '../../table/testing/lake.ts';
import type { ApiAccess } from '../access.ts';
import { openTestApi, type TestApi } from './api.ts';

export const PASSWORD = 'a heron stands in the reeds';
export const ORIGIN = { origin: 'http://localhost:5000', host: 'localhost:5000' };

export interface Place extends AsyncDisposable {
  readonly api: TestApi;
  readonly access: Access;
  readonly audit: Audit;
  readonly folder: string;
  /** The cookie of a new session. */
  login(name: string): Promise<string>;
}

export async function openPlace(
  options: Partial<AccessOptions> = {},
  more: Partial<ApiAccess> = {},
): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'isobar-access-'));
  const access = openAccess(folder, { idleMs: 3_600_000, longestMs: 36_000_000, ...options });
  const audit = openAudit(folder);
  for (const role of ACCESS_ROLES) await access.addUser(`${role}-1`, PASSWORD, role);
  const api = await openTestApi({
    observations: Array.from({ length: 12 }, (_, hour) => observation('oslo', hour * 3_600)),
    change: (context) => ({ ...context, access: { access, audit, ...more } }),
  });
  return {
    ...{ api, access, audit, folder },
    async login(name) {
      const answer = await post(api, '/api/login', { name, password: PASSWORD });
      assert.equal(answer.statusCode, 200, answer.body);
      return cookieOf(answer.headers['set-cookie']);
    },
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      access[Symbol.dispose]();
      await audit[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function post(api: TestApi, url: string, body: unknown, headers: object = ORIGIN) {
  return api.app.inject({
    ...{ method: 'POST', url },
    payload: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  });
}

export const cookieOf = (header: unknown) => String(header).split(';')[0] ?? '';
