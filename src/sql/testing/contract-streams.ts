/** What every engine must do with rows that are read in batches. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { rejects } from '../../../test/support/rejects.ts';
import type { Row } from '../engine.ts';
import type { EngineOptions, Shared } from './contract.ts';

export function describeStreams(shared: () => Shared, options: EngineOptions): void {
  it('streams the same rows as it queries, in batches', async () => {
    const { session } = shared();
    const sql = 'SELECT 1e0 * $factor AS x FROM range(30000)';
    const found: Row[] = [];
    let batches = 0;
    for await (const { columns, rows } of session.stream(sql, { factor: 2 })) {
      assert.deepEqual(columns, ['x']);
      batches += 1;
      found.push(...rows);
    }
    assert.deepEqual(found, await session.query(sql, { factor: 2 }));
    assert.ok(batches >= 1);
  });

  it('streams one batch with the columns for a result without rows', async () => {
    const { session } = shared();
    const batches = await Array.fromAsync(session.stream('SELECT 1 AS a, 2 AS b WHERE 1 > 2'));
    assert.deepEqual(batches, [{ columns: ['a', 'b'], rows: [] }]);
  });

  it('stops when the reader leaves, and goes on with the next statement', async () => {
    const { session } = shared();
    for await (const { rows } of session.stream(options.long)) {
      assert.ok(rows.length > 0);
      break;
    }
    assert.deepEqual(await session.query('SELECT 1 AS x'), [{ x: 1 }]);
  });

  it('lets a stream have its turn until it ends', async () => {
    const { session } = shared();
    const reading = session.stream('SELECT 1 AS x')[Symbol.asyncIterator]();
    await reading.next();
    let done = false;
    const waiting = session.query('SELECT 2 AS x').then((rows) => {
      done = true;
      return rows;
    });
    assert.equal(done, false);
    assert.equal((await reading.next()).done, true);
    assert.deepEqual(await waiting, [{ x: 2 }]);
  });

  it('fails in a stream as in a query, and can be cancelled there', async () => {
    const { session } = shared();
    await rejects(Array.fromAsync(session.stream('SELECT nothing FROM nowhere')), 'QUERY_INVALID');
    const cancelling = new AbortController();
    const reading = Array.fromAsync(session.stream(options.endless, {}, cancelling.signal));
    cancelling.abort();
    await rejects(reading, 'ABORTED');
    const leaving = new AbortController();
    const streaming = async () => {
      for await (const _ of session.stream(options.long, {}, leaving.signal)) leaving.abort();
    };
    await rejects(streaming(), 'ABORTED');
    assert.deepEqual(await session.query('SELECT 1 AS x'), [{ x: 1 }]);
  });
}
