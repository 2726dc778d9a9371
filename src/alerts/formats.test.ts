/** No text of a city, a rule or a note can break a format, whatever its characters. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AlertMessage } from './channel.ts';
import { discordBody } from './channels/discord.ts';
import { htmlOf } from './channels/email-html.ts';
import { ntfyBody } from './channels/ntfy.ts';
import { slackBody } from './channels/slack.ts';
import { smsBody } from './channels/sms.ts';
import { teamsBody } from './channels/teams.ts';
import { cut, cutBytes, escapeDiscord, escapeSlack } from './escape.ts';
import { formatAmount, messageText, plainText, TEST_VERSION } from './message-text.ts';
import { segmentsOf, smsText } from './sms-text.ts';
import { CASES, MESSAGE, messageOf } from './testing/messages.ts';
import { NOW } from './testing/open.ts';

const CONTEXT = {
  secrets: { url: '', password: '', token: '', secret: '', key: '', headers: {}, hidden: [] },
  clock: () => NOW,
  timeZoneOf: () => 'Europe/Berlin',
};
const NASTY = [
  ...['<!channel>', '<@U123>', '<https://evil.example|click>', '@everyone', '<@&1>', '`'],
  ...['<script>alert(1)</script>', '"><img src=x>', '&lt;', '{{7*7}}', '{to}', '{text}', '$&', "'"],
  ...['\r\nBcc: a@example.org', '\u2028', '\u202e', '\ud800', '\udc00', '\0', '\u001b[31m', '…'],
  ...[
    '*b*_i_~s~||x||',
    '[a](https://evil.example)',
    '\\',
    '€^{}',
    '🌩️',
    'é',
    '中文',
    'a'.repeat(900),
  ],
];
const text = fc.oneof(
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 80 }) },
  fc.string({ unit: fc.constantFrom(...NASTY), maxLength: 12 }),
  fc.constantFrom(...NASTY),
);
const textOrNull = fc.option(text, { nil: null });
const amount = fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }), { nil: null });

const message: fc.Arbitrary<AlertMessage> = fc
  .record({
    key: text,
    kind: fc.constantFrom('opened', 'repeated', 'escalated', 'resolved'),
    url: fc.option(
      text.map((path) => `https://weather.example.org/${path}`),
      { nil: null },
    ),
    incident: fc.record({
      ...{ incident_id: text, rule: text, city_id: textOrNull, city: textOrNull, summary: text },
      ...{ unit: textOrNull, note: textOrNull, acknowledged_by: textOrNull },
      ...{ value: amount, threshold: amount, simulated: fc.boolean() },
      ...{ began_at: fc.oneof(text, fc.constant('2024-10-27T00:30:00Z')) },
      subjects: fc.array(text, { maxLength: 30 }),
      severity: fc.constantFrom('info', 'warning', 'critical'),
      state: fc.constantFrom('open', 'acknowledged', 'resolved'),
      evidence: fc.array(fc.record({ at: text, value: amount }), { maxLength: 48 }),
    }),
  })
  .map(({ incident, ...rest }) => messageOf(rest as Partial<AlertMessage>, incident as object));

/** All strings within a value. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : [];
}

const forAll = (check: (given: AlertMessage) => void) =>
  fc.assert(fc.property(message, check), { numRuns: 300 });

test('parts of a message are lines of sound characters, and not too long', () => {
  forAll((given) => {
    const parts = messageText(given, 'Europe/Berlin');
    for (const part of textsOf(parts)) {
      assert.ok(part.isWellFormed());
      assert.ok(!/[\p{Cc}\p{Zl}\p{Zp}\u202e]/u.test(part), JSON.stringify(part));
      assert.ok(part.length <= 1_000);
    }
    assert.ok(parts.subject.length <= 200);
    assert.equal(parts.subject.startsWith('SIMULATED '), given.incident.simulated);
    assert.equal(plainText(parts).startsWith('SIMULATED: '), given.incident.simulated);
  });
});

test('a subject names the city once', () => {
  const named = { city: 'London', rule: 'frost', severity: 'critical' as const };
  for (const summary of ['London: temperature −2.1 °C', 'temperature −2.1 °C']) {
    const { subject } = messageText(messageOf({ kind: 'opened' }, { ...named, summary }));
    assert.match(subject, /^(SIMULATED )?CRITICAL frost, London: temperature −2\.1 °C$/);
  }
});

test('a test message does not ask to be acknowledged', () => {
  const opened = { kind: 'opened' } as const;
  const { incident_id } = MESSAGE.incident;
  const real = messageText(messageOf(opened, { state: 'open' }));
  assert.equal(real.acknowledge, `isobar alerts ack ${incident_id}`);
  const tried = messageText(messageOf(opened, { state: 'open', rule_version: TEST_VERSION }));
  assert.equal(tried.acknowledge, null);
});

test('HTML holds no markup but ours', () => {
  const own =
    /<\/?(!DOCTYPE html|html lang="en"|html|body|p|strong|table|tr|td|ul|li|a|code)( style="[^"<>]*")?( href="https?:[^"<>]*")?>/g;
  forAll((given) => {
    const rest = htmlOf(messageText(given)).replace(own, '');
    assert.ok(!/[<>"']/.test(rest), rest);
    assert.ok(!/&(?!#\d+;)/.test(rest), rest);
  });
});

test('Slack finds no mention and no link but ours, within its limits', () => {
  forAll((given) => {
    const body = slackBody(messageText(given)) as { text: string; blocks: { type: string }[] };
    assert.ok(body.blocks.length <= 50);
    for (const { type, ...block } of body.blocks) {
      for (const found of textsOf(block)) {
        assert.ok(found.trim() !== '' && found.length <= (type === 'header' ? 150 : 3_000));
        const inner = found.replace(/^<(https:[^<>|]*)\|Open the incident>$/, '$1');
        assert.ok(!/[<>]|&(?!amp;|lt;|gt;)/.test(inner), found);
      }
    }
    assert.ok(!/[<>]/.test(body.text) && body.text.length <= 3_000);
    for (const fields of body.blocks.flatMap((block) =>
      'fields' in block ? [block.fields] : [],
    )) {
      assert.ok((fields as object[]).length <= 10);
    }
  });
});

test('Discord finds no Markdown and no mention, within its limits', () => {
  forAll((given) => {
    const body = discordBody(messageText(given), 0) as {
      content: string;
      allowed_mentions: object;
      embeds: { title: string; description: string; fields: { name: string; value: string }[] }[];
    };
    assert.deepEqual(body.allowed_mentions, { parse: [] });
    const [embed] = body.embeds;
    assert.ok(embed && embed.description.length <= 2_000 && embed.fields.length <= 25);
    const values = embed.fields.flatMap(({ name, value }) => [name, value]);
    for (const found of [body.content, embed.description, ...values]) {
      assert.ok(found.trim() !== '' && found.length <= 2_000);
      // After all escapes are taken away, nothing that means something is left.
      assert.ok(!/[\\*_~`|<>@#:[\]()]/.test(found.replace(/\\[^0-9A-Za-z\s]/g, '')), found);
    }
    for (const value of values) assert.ok(value.length <= 256);
    const total = [embed.title, embed.description, ...values].join('').length;
    assert.ok(total <= 6_000, String(total));
  });
});

test('Teams and ntfy get sound JSON within their limits', () => {
  forAll((given) => {
    const teams = JSON.stringify(teamsBody(messageText(given), 'Good'));
    assert.ok(Buffer.byteLength(teams) <= 28 * 1024, String(Buffer.byteLength(teams)));
    assert.ok(textsOf(JSON.parse(teams)).every((found) => found.isWellFormed()));
    const ntfy = ntfyBody(given, CONTEXT) as { title: string; message: string };
    assert.ok(Buffer.byteLength(ntfy.message) <= 4_096);
    assert.ok(Buffer.byteLength(ntfy.title) <= 250 && !ntfy.title.includes('\n'));
  });
});

test('an SMS has three segments at most, and its fields hold what they should', () => {
  forAll((given) => {
    const short = smsText(messageText(given));
    assert.ok(short !== '' && segmentsOf(short) <= 3, `${segmentsOf(short)}: ${short}`);
    assert.ok(short.isWellFormed());
    const filling = { to: '+441632960961', text: short, key: '{text}' };
    const fields = { to: ['{to}'], text: 'say {text}', key: '{key}' };
    const json = smsBody({ format: 'json', body: fields }, filling);
    const expected = { to: [filling.to], text: `say ${short}`, key: '{text}' };
    assert.deepEqual(JSON.parse(json.body), expected);
    const form = smsBody({ format: 'form', body: { to: '{to}', text: '{text}' } }, filling);
    assert.deepEqual(Object.fromEntries(new URLSearchParams(form.body)), {
      to: filling.to,
      text: short,
    });
  });
});

test('an SMS keeps its command and its address when its subject is long', () => {
  const long = messageOf({}, { summary: 'very hot '.repeat(100) });
  const short = smsText(messageText(long));
  assert.ok(short.endsWith(`${MESSAGE.url}. isobar alerts ack ${MESSAGE.incident.incident_id}`));
  assert.match(short, /hot v?\S*\.\.\. since|\.\.\.\. since/);
  assert.equal(segmentsOf(short), 3);
});

test('segments are counted as networks do', () => {
  for (const [given, expected] of [
    ['a'.repeat(160), 1],
    ['a'.repeat(161), 2],
    ['a'.repeat(306), 2],
    ['a'.repeat(307), 3],
    ['€'.repeat(80), 1],
    ['€'.repeat(81), 2],
    ['é'.repeat(160), 1],
    ['ё'.repeat(70), 1],
    ['ё'.repeat(71), 2],
    ['🌩'.repeat(36), 2],
  ] as const) {
    assert.equal(segmentsOf(given), expected, given.slice(0, 5));
  }
});

test('cutting neither splits a character nor an escape, and says that there was more', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 40 }), (given, max) => {
      for (const escaped of [(part: string) => part, escapeSlack, escapeDiscord]) {
        const got = cut(given, max, escaped);
        assert.ok(got.length <= max && got.isWellFormed());
        if (got !== escaped(given)) {
          assert.ok(got.endsWith('…'));
          assert.ok(escaped(given).startsWith(got.slice(0, -1)));
        }
      }
      assert.ok(Buffer.byteLength(cutBytes(given, Math.max(3, max))) <= Math.max(3, max));
    }),
  );
});

test('the text says what happened, in which unit, since when on both clocks, and what to do', () => {
  const parts = messageText(MESSAGE, 'America/New_York');
  const whole = plainText(parts);
  for (const line of [
    'Value: 35.4 °C',
    'Threshold: 35 °C',
    'Since: 2024-07-31 18:10 UTC (2024-07-31 14:10 in the city)',
    'Acknowledge: isobar alerts ack inc-5f2c9a7b',
  ]) {
    assert.ok(whole.split('\n').includes(line), line);
  }
  assert.equal(messageText(CASES.resolved ?? MESSAGE).acknowledge, null);
  assert.deepEqual(
    [35.4, 35.456, -0.001234, 0, 1e21, 101_325].map((value) => formatAmount(value, null)),
    ['35.4', '35.46', '-0.0012', '0', '1e+21', '101325'],
  );
});
