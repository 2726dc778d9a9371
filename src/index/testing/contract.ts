/** What every engine of the index must do: one test for each sentence of the port. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { rejects } from '../../../test/support/rejects.ts';
import type { AnomalyQuestion } from '../../model/anomaly-search.ts';
import type { Anomaly } from '../../model/datasets.ts';
import type { AnomalyIndex, CommittedState } from '../anomaly-index.ts';
import { scanRows } from '../scan.ts';
import { wordsOf } from '../words.ts';
import {
  anomaliesOf,
  bucketsOf,
  question,
  questions,
  someRows,
  someSentences,
} from './anomalies.ts';

/** A place of an engine where nothing is yet; disposing of it removes everything. */
export interface IndexPlace extends AsyncDisposable {
  /** Opens the place's index as one more process would. */
  open(): Promise<AnomalyIndex>;
}

export interface IndexTraits {
  /** How many random sets of rows are compared with the plain answer, and questions of each. */
  readonly sets: number;
  readonly questions: number;
}

/** Some of the rows of the version before, and others. */
export function rowsOfVersion(version: number): Anomaly[] {
  const kept = someRows(30, `even ${version - (version % 2)}`);
  return anomaliesOf([...kept, ...someRows(30, `own ${version}`)]);
}

/** Replaces the index by these rows. */
export async function fill(
  index: AnomalyIndex,
  version: number,
  rows: readonly Anomaly[],
  kind: 'update' | 'replace' = 'replace',
): Promise<number> {
  await using change = await index.begin(kind);
  const buckets = bucketsOf(rows);
  let changed = 0;
  for (const bucket of Object.keys(change.base?.digests ?? {})) {
    if (!buckets.has(bucket)) changed += await change.put(bucket, []);
  }
  for (const [bucket, own] of buckets) changed += await change.put(bucket, own);
  await change.commit(stateOf(version, buckets.keys()));
  return changed;
}

function stateOf(version: number, buckets: Iterable<string>): CommittedState {
  const digests = Object.fromEntries([...buckets].map((bucket) => [bucket, `${version}`]));
  return { version, sha256: 'a'.repeat(64), digests };
}

export function describeIndex(
  name: string,
  makePlace: () => Promise<IndexPlace>,
  traits: IndexTraits,
): void {
  describe(`the index in ${name}`, () => {
    let place: IndexPlace;
    let index: AnomalyIndex;
    const rows = someRows(300);
    before(async () => {
      place = await makePlace();
      index = await place.open();
    });
    after(async () => {
      await index[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    });

    it('has no state and answers nothing before the first commit', async () => {
      assert.equal(await index.state(), null);
      await rejects(index.search(question()), 'INDEX_UNAVAILABLE');
    });

    it('says what is committed, also to another process and after it was opened again', async () => {
      await fill(index, 7, rows);
      await using other = await place.open();
      for (const one of [index, other]) {
        const state = await one.state();
        assert.equal(state?.version, 7);
        assert.equal(state?.rows, rows.length);
        assert.deepEqual(
          Object.keys(state?.digests ?? {}).sort(),
          [...bucketsOf(rows).keys()].sort(),
        );
        assert.equal((await one.search(question({ limit: 1 }))).version, 7);
      }
    });

    it('shows nothing of a change before it is committed, then all of it', async () => {
      await fill(index, 1, rows);
      const next = someRows(120, 'next');
      const ask = question({ limit: 1_000, facets: true });
      const old = scanRows(rows, 1, ask);
      {
        await using change = await index.begin('update');
        for (const bucket of Object.keys(change.base?.digests ?? {})) {
          await change.put(bucket, []);
          assert.deepEqual(await index.search(ask), old);
        }
        const buckets = bucketsOf(next);
        for (const [bucket, own] of buckets) await change.put(bucket, own);
        assert.deepEqual(await index.search(ask), old);
        await change.commit(stateOf(2, buckets.keys()));
      }
      assert.deepEqual(await index.search(ask), scanRows(next, 2, ask));
    });

    it('leaves the index as it was when a change is given up, and goes on from there', async () => {
      await fill(index, 3, rows);
      const ask = question({ limit: 1_000, facets: true });
      for (const kind of ['update', 'replace'] as const) {
        await using change = await index.begin(kind);
        for (const bucket of bucketsOf(rows).keys()) await change.put(bucket, []);
      }
      assert.deepEqual(await index.search(ask), scanRows(rows, 3, ask));
      const fewer = rows.slice(0, 250);
      await fill(index, 4, fewer, 'update');
      assert.deepEqual(await index.search(ask), scanRows(fewer, 4, ask));
    });

    it('writes only rows that differ', async () => {
      await fill(index, 1, rows);
      assert.equal(await fill(index, 2, rows, 'update'), 0);
      const changed = rows.map((row, at) =>
        at < 10 ? { ...row, score: row.score + 1, reason: `${row.reason} more` } : row,
      );
      assert.equal(await fill(index, 3, changed.slice(0, -5), 'update'), 15);
      const ask = question({ text: 'more', limit: 100 });
      assert.equal((await index.search(ask)).rows.length, 10);
    });

    it('lets the last of two writers win, and never mixes them', async () => {
      await fill(index, 1, rows);
      await using other = await place.open();
      const mine = someRows(40, 'mine');
      const theirs = someRows(50, 'theirs');
      await using first = await index.begin('replace');
      for (const [bucket, own] of bucketsOf(mine)) await first.put(bucket, own);
      await fill(other, 5, theirs);
      const ended = await first.commit(stateOf(4, bucketsOf(mine).keys())).then(
        () => 'committed',
        (error: { readonly code?: string }) => error.code,
      );
      const [version, winner] = ended === 'committed' ? [4, mine] : [5, theirs];
      assert.ok(['committed', 'INDEX_BUSY'].includes(String(ended)));
      const ask = question({ limit: 1_000, facets: true });
      for (const one of [index, other]) {
        assert.deepEqual(await one.search(ask), scanRows(winner, Number(version), ask));
      }
    });

    it('pages through all rows without repeating or leaving out one', async () => {
      const few = someRows(300).map((row) => ({ ...row, value: row.value % 3 }));
      const [first, second] = few.map(({ observed_at }) => observed_at);
      const tied = few.map((row, at) => ({
        ...{ ...row, city_id: `c-${(at * 7) % 90}`, value: 1, score: 4 },
        observed_at: (at % 2 === 0 ? first : second) ?? '',
      }));
      for (const many of [few, tied].map(anomaliesOf)) {
        await fill(index, 6, many);
        for (const sort of ['time', 'score', 'value'] as const) {
          for (const order of ['asc', 'desc'] as const) {
            const paged = await pageThrough(index, question({ sort, order, limit: 7 }));
            const whole = scanRows(many, 6, question({ sort, order, limit: 1_000 }));
            assert.deepEqual(paged, whole.rows, `${sort} ${order}`);
          }
        }
      }
    });

    it('takes the text of a question as words alone', async () => {
      await fill(index, 8, rows);
      const texts = [
        ...['"', '""', '*', 'above*', '^mean', 'mean NEAR below', 'NOT above', 'above OR below'],
        ...['words:above', '{words}: above', '(above', 'above AND', '-above', '+above', 'a\u0000b'],
        ...['\ud800', 'above \udc00', '\ud83d', "'; DROP TABLE rows; --", '[0 TO 9]', 'ab~2'],
        ...['São', 'SAO', 'sa\u0303o paulo', '/.*/', 'x'.repeat(10_000), 'mean '.repeat(2_000)],
        ...['33', '33.', '.5', '3.1.4', '\\', '%', '_', '{"match_all":{}}', 'STRASSE', 'straße'],
      ];
      for (const text of texts) {
        const ask = question({ text, limit: 1_000, facets: true });
        assert.deepEqual(await index.search(ask), scanRows(rows, 8, ask), JSON.stringify(text));
      }
    });

    it('answers in the words of reasons as the plain answer does, after every update', async () => {
      const words = [
        ...new Set(someSentences(300).flatMap(({ city, reason }) => wordsOf(`${city} ${reason}`))),
      ];
      const begun = words.map((word) => word.slice(0, 2));
      const asked = fc.sample(
        questions([...words, ...begun, 'above', 'below', 'mean of', 'usual']),
        {
          ...{ numRuns: traits.questions * 5, seed: 3 },
        },
      );
      for (const [version, seed] of ['', 'a', 'b', ''].entries()) {
        // Some rows stay, some change, some go, others come.
        const own = anomaliesOf([...someSentences(700), ...someSentences(500, seed)]).slice(
          version * 40,
        );
        await fill(index, 20 + version, own, version === 0 ? 'replace' : 'update');
        for (const ask of asked) {
          assert.deepEqual(
            await index.search(ask),
            scanRows(own, 20 + version, ask),
            JSON.stringify(ask),
          );
        }
      }
    });

    it('answers every question as the plain answer does', async () => {
      let version = 30;
      const set = fc.tuple(
        fc.integer({ min: 0, max: 120 }),
        fc.string({ maxLength: 3 }),
        fc.array(questions(), { minLength: traits.questions, maxLength: traits.questions }),
      );
      await fc.assert(
        fc.asyncProperty(set, async ([count, seed, asked]) => {
          const own = someRows(count, seed);
          version += 1;
          await fill(index, version, own, version % 3 === 0 ? 'replace' : 'update');
          for (const ask of asked) {
            assert.deepEqual(await index.search(ask), scanRows(own, version, ask));
          }
        }),
        { numRuns: traits.sets, endOnFailure: true },
      );
    });
  });
}

async function pageThrough(index: AnomalyIndex, first: AnomalyQuestion): Promise<Anomaly[]> {
  const rows: Anomaly[] = [];
  let after: AnomalyQuestion['after'] = null;
  do {
    const found = await index.search({ ...first, after });
    rows.push(...found.rows);
    after = found.next;
  } while (after !== null);
  return rows;
}
