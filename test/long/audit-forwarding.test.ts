/** The audit log on another machine, by a real rsyslog with the configuration of `examples/rsyslog`. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { type AuditEntry, openAudit, readAudit } from '../../src/access/audit.ts';
import { freePort } from '../../src/cluster/ports.ts';
import { IsobarError } from '../../src/errors.ts';
import { findProgram } from '../support/debian-program.ts';
import { makeTrust, type Trust } from '../support/trust.ts';
import { until } from '../support/until.ts';

const EXAMPLE = join(import.meta.dirname, '../../examples/rsyslog/isobar-audit.conf');
const program = await findProgram('rsyslogd', 'rsyslog-relp');
const skip = program === null && 'rsyslog is not there, nor the tools of Debian';
/** Its modules lie beside the program, where that is one that was only unpacked. */
const MODULES = ['x86_64-linux-gnu', 'aarch64-linux-gnu']
  .map((folder) => join(dirname(program?.path ?? '/usr/sbin/x'), '../lib', folder, 'rsyslog'))
  .find((folder) => existsSync(folder));
/** As an audit log goes on. */
const NEXT_ENTRY_MS = 20_000;
const REFUSED = new IsobarError('LOGIN_REFUSED', 'the name or the password is wrong');

/** Two machines: one with the audit log, one that gets it. */
class Place implements Disposable {
  // On a disk: in a file system in memory, imfile of 8.2302 passes over what was written while the
  // receiver was away.
  readonly folder = mkdtempSync(join('/var/tmp', 'isobar-rsyslog-'));
  readonly log = join(this.folder, 'access');
  readonly #trust: Trust = makeTrust(['logs.example.org', '127.0.0.1']);
  readonly #port: number;
  readonly #said: string[][] = [];

  private constructor(port: number) {
    this.#port = port;
    const { cert, key } = this.#trust.pair;
    writeFileSync(this.#file('crt'), cert);
    writeFileSync(this.#file('key'), key, { mode: 0o600 });
  }

  static async make(): Promise<Place> {
    return new Place(await freePort());
  }

  /** The example, with what is ours in the place of its values, and shorter pauses. */
  send(authority: 'right' | 'another' = 'right') {
    const { authority: right, other } = this.#trust;
    const values = [
      ['/etc/isobar/logs-authority.pem', authority === 'right' ? right : other],
      ['/etc/isobar/logs.crt', this.#file('crt')],
      ['/etc/isobar/logs.key', this.#file('key')],
      ['/var/lib/isobar/access/', `${this.log}/`],
      ['target="logs.example.org"', 'target="127.0.0.1"'],
      ['port="2514"', `port="${this.#port}"`],
      ['action.resumeInterval="5"', 'action.resumeInterval="1"'],
    ] as const;
    let text = readFileSync(EXAMPLE, 'utf8');
    for (const [from, to] of values) {
      assert.ok(text.includes(from), from);
      text = text.replace(from, to);
    }
    return this.#start('sender', text);
  }

  /** Another rsyslog, which writes what it gets as it is. */
  receive() {
    return this.#start(
      'receiver',
      `module(load="imrelp")
       template(name="json" type="string" string="%app-name% %msg%\\n")
       input(type="imrelp" port="${this.#port}" address="127.0.0.1" tls="on" ruleset="all"
         tls.myCert="${this.#file('crt')}" tls.myPrivKey="${this.#file('key')}"
         tls.caCert="${this.#trust.authority}" tls.authMode="certvalid")
       ruleset(name="all") { action(type="omfile" file="${this.received}" template="json") }`,
    );
  }

  /** The pair of both machines. */
  #file(kind: 'crt' | 'key'): string {
    return join(this.folder, `logs.${kind}`);
  }

  /** What each rsyslog wrote, for failures. */
  get said(): string {
    return this.#said.map((one) => one.join('').slice(-3_000)).join('\n');
  }

  get received(): string {
    return join(this.folder, 'received.jsonl');
  }

  get lines(): string[] {
    if (!existsSync(this.received)) return [];
    return readFileSync(this.received, 'utf8').split('\n').slice(0, -1);
  }

  /** What has come, each once, in the order in which it came first. */
  get messages(): string[] {
    return [...new Set(this.lines)].map((line) => {
      const [, json] = /^isobar-audit ?(.+)$/s.exec(line) ?? [];
      assert.ok(json !== undefined, line);
      return json.trim();
    });
  }

  async #start(name: string, configuration: string) {
    assert.ok(program !== null);
    const work = join(this.folder, name);
    mkdirSync(work, { recursive: true });
    const [file, pid] = [join(this.folder, `${name}.conf`), join(this.folder, `${name}.pid`)];
    writeFileSync(file, `global(workDirectory="${work}")\n${configuration}\n`);
    rmSync(pid, { force: true });
    const args = ['-n', '-f', file, '-i', pid, ...(MODULES === undefined ? [] : ['-M', MODULES])];
    const child = spawn(program.path, args, {
      ...{ stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...program.env } },
    });
    const said = [`${name}:\n`];
    this.#said.push(said);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => void said.push(text));
    }
    return {
      said: () => said.join(''),
      async [Symbol.asyncDispose]() {
        child.kill('SIGTERM');
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      },
    };
  }

  [Symbol.dispose]() {
    this.#trust[Symbol.dispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

test('each entry reaches the other machine, through full files, breaks and restarts', {
  skip,
}, async (t) => {
  using place = await Place.make();
  // A new file after some ten entries.
  await using audit = openAudit(place.log, () => new Date(), 2_000);
  let count = 0;
  const note = async (times: number) => {
    for (let at = 0; at < times; at += 1) {
      count += 1;
      const who = count % 3 === 0 ? 'Zoë "quoted" \\ {}' : 'ann';
      const entry = { who, from: '192.0.2.1', action: 'login', target: `number ${count}` };
      await audit.record({ ...entry, error: count % 2 === 0 ? REFUSED : null });
    }
  };
  const all = (what: string) => {
    const text = () => `${what}: ${place.messages.length} of ${count}\n${place.said}`;
    let notedAt = performance.now();
    return until(text, async () => {
      // What is promised is that each arrives: what waits in rsyslog may do so with the next entry.
      if (performance.now() - notedAt > NEXT_ENTRY_MS) {
        notedAt = performance.now();
        t.diagnostic(`${what}: ${place.messages.length} of ${count} before another entry`);
        await note(1);
      }
      return place.messages.length === count;
    });
  };
  await note(3);
  {
    await using _sender = await place.send();
    {
      await using _receiver = await place.receive();
      await all('what was there before it began');
      for (let file = 0; file < 5; file += 1) {
        await note(12);
        await all('through a new file');
      }
    }
    await note(5);
    await using _again = await place.receive();
    await all('after the receiver was away');
  }
  // Over several full files.
  await note(40);
  await using _receiver = await place.receive();
  await using _sender = await place.send();
  await all('what came while both did not run');
  const { entries } = await readAudit(place.log, 1_000);
  // Files that waited are read side by side.
  const numberOf = ({ target }: AuditEntry) => Number(/\d+/.exec(target ?? ''));
  const sent: AuditEntry[] = place.messages.map((json) => JSON.parse(json));
  assert.deepEqual(
    sent.toSorted((a, b) => numberOf(a) - numberOf(b)),
    entries,
  );
  // Repeated is what was under way at a break, and no whole file with each new one.
  assert.ok(place.lines.length <= count + 30, `${place.lines.length} of ${count}`);
});

test('nothing goes to a receiver of another authority', { skip }, async () => {
  using place = await Place.make();
  await using audit = openAudit(place.log);
  await audit.record({ who: 'ann', from: 'a', action: 'login', target: null, error: null });
  await using _receiver = await place.receive();
  await using sender = await place.send('another');
  await until(sender.said, () => /certificate|authenticat|TLS/i.test(sender.said()));
  assert.deepEqual(place.messages, []);
});
