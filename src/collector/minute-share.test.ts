import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createRandom } from '../../test/random.ts';
import { FORGOTTEN_MS, type MinuteShare, openMinuteShare, type Peer } from './minute-share.ts';

const L = 60;
const LIMITS = { per_minute: L, per_day: 1_000, per_month: 31_000 };

function peer(name: string, change: Partial<Peer> = {}): Peer {
  return { name, ledger: name.split('-')[0] ?? '', state: 'live', forMs: 0, seen: [], ...change };
}

function update(share: MinuteShare, name: string, peers: readonly Peer[], lapsedMs = 0): number {
  return share.update({ name, ledger: name.split('-')[0] ?? '', lapsedMs, peers });
}

describe('the share of the calls per minute', () => {
  test('is all for one alone, and for all who share its ledger', () => {
    const share = openMinuteShare(LIMITS);
    assert.equal(update(share, 'a-1', []), L);
    assert.equal(update(share, 'a-1', [peer('a-2'), peer('a-3', { state: 'silent' })]), L);
  });

  test('of a newcomer is nothing until all others have seen it, and less for them at once', () => {
    const [first, second] = [openMinuteShare(LIMITS), openMinuteShare(LIMITS)];
    update(first, 'a-1', []);
    assert.equal(update(second, 'b-1', [peer('a-1')]), 0);
    assert.equal(update(first, 'a-1', [peer('b-1')]), 30);
    assert.deepEqual(first.seen(31), [], 'it has used more than it may now');
    assert.deepEqual(first.seen(30), ['b-1']);
    assert.equal(update(second, 'b-1', [peer('a-1', { seen: ['b-1'] })]), 30);
    assert.deepEqual(first.seen(60), ['b-1'], 'what was said stays');
  });

  test('grows a minute after another was released, and never by what the silent may use', () => {
    const share = openMinuteShare(LIMITS);
    update(share, 'a-1', []);
    assert.equal(update(share, 'a-1', [peer('b-1')]), 30);
    for (const [state, whole] of [
      ['released', 60],
      ['silent', 53],
    ] as const) {
      assert.equal(update(share, 'a-1', [peer('b-1', { state, forMs: 61_999 })]), 30);
      assert.equal(update(share, 'a-1', [peer('b-1', { state, forMs: 62_000 })]), whole);
    }
    assert.equal(update(share, 'a-1', [peer('b-1', { state: 'silent', forMs: FORGOTTEN_MS })]), 60);
  });

  test('of one that cannot reach the lake is the emergency share, for a day', () => {
    const share = openMinuteShare(LIMITS);
    assert.equal(update(share, 'a-1', [], 1), 0, 'it never had one');
    update(share, 'a-1', []);
    assert.equal(update(share, 'a-1', [], 1), 7);
    assert.equal(update(share, 'a-2', [peer('b-1')]), 7, 'back, but not seen yet');
    assert.equal(update(share, 'a-2', [peer('b-1')], FORGOTTEN_MS), 0);
  });

  test('lets some stand by when there are fewer calls than ledgers', () => {
    const seen = ['a-1', 'b-1', 'c-1'];
    const limits = seen.map((name) => {
      const share = openMinuteShare({ ...LIMITS, per_minute: 2 });
      const others = seen.filter((other) => other !== name);
      const limit = update(
        share,
        name,
        others.map((other) => peer(other, { seen })),
      );
      assert.deepEqual(['a', 'b', 'c'].map(share.polls), [true, true, false]);
      return limit;
    });
    assert.deepEqual(limits, [1, 1, 0]);
  });

  for (let round = 0; round < 40; round++) {
    const seed = Number(process.env.ISOBAR_TEST_SEED ?? Date.now() % 1_000_000) + round;
    test(`in sum is never more than the limit in any minute (seed ${seed})`, () => simulate(seed));
  }
});

/** What a lease's file says, and when it was last written, by a clock that no machine can read. */
interface File {
  readonly ledger: string;
  readonly seen: readonly string[];
  readonly released: boolean;
  readonly at: number;
}

/** A collector on a machine, as greedy as it may be, that now and then stops, leaves or dies. */
class Machine {
  readonly ledger: string;
  readonly #files: Map<string, File>;
  #share = openMinuteShare(LIMITS);
  #watched = new Map<string, { file: File; changedAt: number; state: string; since: number }>();
  #name = '';
  #generation = 0;
  /** Of the ledger: the times of its calls. */
  calls: number[] = [];
  toldAt = Number.NEGATIVE_INFINITY;
  lapsedAt: number | null = null;
  stoppedUntil = 0;
  cutUntil = 0;

  constructor(ledger: string, files: Map<string, File>) {
    this.ledger = ledger;
    this.#files = files;
  }

  restart(): void {
    this.#share = openMinuteShare(LIMITS);
    this.#watched = new Map();
    this.#name = '';
    this.lapsedAt = null;
  }

  usedInMinute(now: number): number {
    this.calls = this.calls.filter((at) => at > now - 120);
    return this.calls.filter((at) => at > now - 61).length;
  }

  release(now: number): void {
    const file = this.#files.get(this.#name);
    if (file !== undefined) this.#files.set(this.#name, { ...file, released: true, at: now });
    this.restart();
  }

  #look(now: number): void {
    const watched = new Map<
      string,
      { file: File; changedAt: number; state: string; since: number }
    >();
    for (const [name, file] of this.#files) {
      const before = this.#watched.get(name);
      const changedAt = before?.file === file ? before.changedAt : now;
      const state = file.released ? 'released' : now - changedAt >= 25 ? 'silent' : 'live';
      const since = before?.state === state ? before.since : now;
      watched.set(name, { file, changedAt, state, since });
    }
    this.#watched = watched;
  }

  #tell(now: number, seen: readonly string[]): void {
    this.#files.set(this.#name, { ledger: this.ledger, seen, released: false, at: now });
    this.toldAt = now;
  }

  /** One turn: lease, look, publish. */
  turn(now: number): void {
    const isHeld = this.#name !== '' && now - this.toldAt < 20;
    if (now >= this.cutUntil) {
      if (!isHeld) {
        this.#files.delete(this.#name);
        this.#generation += 1;
        this.#name = `${this.ledger}-${this.#generation}`;
        this.#tell(now, []);
        this.lapsedAt = null;
      }
      this.#look(now);
    } else if (!isHeld && this.#name !== '') this.lapsedAt ??= now;
    this.limit(now);
    const seen = this.#share.seen(this.usedInMinute(now));
    if (now >= this.cutUntil) this.#tell(now, seen);
  }

  limit(now: number): number {
    if (this.#name === '') return 0;
    const lapsed = now - this.toldAt >= 20;
    const peers = [...this.#watched]
      .filter(([name]) => name !== this.#name)
      .map(
        ([name, { file, state, since }]): Peer => ({
          name,
          ledger: file.ledger,
          state: state as Peer['state'],
          forMs: (now - since) * 1_000,
          seen: file.seen,
        }),
      );
    const lapsedMs = lapsed ? Math.max(1, (now - (this.lapsedAt ?? now)) * 1_000) : 0;
    return this.#share.update({ name: this.#name, ledger: this.ledger, lapsedMs, peers });
  }

  callGreedily(now: number): number {
    let made = 0;
    while (this.usedInMinute(now) < this.limit(now)) {
      this.calls.push(now);
      made += 1;
    }
    return made;
  }
}

/** A second a step; machines stop, are cut off, leave, die and come back at random. */
function simulate(seed: number): void {
  const random = createRandom(seed);
  const files = new Map<string, File>();
  const machines = Array.from({ length: 4 }, (_, index) => new Machine(`m${index}`, files));
  for (const machine of machines) machine.stoppedUntil = Math.floor(random() * 200);
  const made: number[] = [];
  for (let now = 0; now < 2_000; now++) {
    let calls = 0;
    for (const machine of [...machines].sort(() => random() - 0.5)) {
      if (now < machine.stoppedUntil) continue;
      if (random() < 0.5) machine.turn(now);
      calls += machine.callGreedily(now);
      const fate = random();
      if (fate < 0.002) machine.stoppedUntil = now + random() * 100;
      else if (fate < 0.004) machine.cutUntil = now + random() * 200;
      else if (fate < 0.006) {
        if (random() < 0.5 && now >= machine.cutUntil) machine.release(now);
        else machine.restart();
        machine.stoppedUntil = now + random() * 150;
      }
    }
    made.push(calls);
    const inMinute = made.slice(-60).reduce((sum, one) => sum + one, 0);
    assert.ok(inMinute <= L, `second ${now}: ${inMinute} calls in a minute`);
  }
  assert.ok(made.reduce((sum, one) => sum + one, 0) > 500, 'they poll');
}
