import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KerberosLibrary, openKerberos } from './kerberos.ts';
import { kerberosReason, refusedTicketReason } from './kerberos-reasons.ts';
import { LoginError, NoReplyError } from './remote-error.ts';

/** Answers or fails; notes what it was asked and with which environment. */
function library(outcome: () => string) {
  const seen: (string | undefined)[][] = [];
  const known: KerberosLibrary = {
    GSS_MECH_OID_SPNEGO: 6,
    async initializeClient(service, { principal }) {
      const { KRB5_CLIENT_KTNAME, KRB5CCNAME } = process.env;
      seen.push([service, principal, KRB5_CLIENT_KTNAME, KRB5CCNAME?.replace(/-.*/, '')]);
      return { step: async () => outcome() };
    },
  };
  return { known, seen };
}

const one = new URL('https://nn1.example.org:9871');
const other = new URL('https://nn2.example.org:9871');
const cookie = (text: string) => ({ 'set-cookie': [`hadoop.auth=${text}; Path=/; Secure`] });

test('the cookie is kept for its NameNode, and had again when it is refused', async () => {
  const { known, seen } = library(() => 'TICKET');
  const kerberos = openKerberos({ principal: '', keytab: '/k', library: known });
  assert.deepEqual(await kerberos.headers(one, null), {});
  assert.deepEqual(await kerberos.headers(one, 'Negotiate'), { authorization: 'Negotiate TICKET' });
  kerberos.answered(one, cookie('"u=a&s=1"'));
  assert.deepEqual(await kerberos.headers(one, null), { cookie: 'hadoop.auth="u=a&s=1"' });
  assert.deepEqual(await kerberos.headers(other, null), {}, 'another server');
  kerberos.answered(one, {});
  assert.deepEqual(await kerberos.headers(one, null), { cookie: 'hadoop.auth="u=a&s=1"' });
  // What a NameNode sends with a 401.
  kerberos.answered(one, cookie(''));
  assert.deepEqual(await kerberos.headers(one, null), {});
  assert.equal(seen.length, 1);
});

test('the library sees the keytab, and the process keeps its environment', async () => {
  const before = [process.env.KRB5_CLIENT_KTNAME, process.env.KRB5CCNAME];
  const { known, seen } = library(() => 'TICKET');
  const kerberos = openKerberos({ principal: 'a@B', keytab: '/k', library: known });
  await Promise.all([one, other].map((nameNode) => kerberos.headers(nameNode, 'Negotiate')));
  assert.deepEqual(seen, [
    ['HTTP@nn1.example.org', 'a@B', 'FILE:/k', 'MEMORY:isobar'],
    ['HTTP@nn2.example.org', 'a@B', 'FILE:/k', 'MEMORY:isobar'],
  ]);
  assert.deepEqual([process.env.KRB5_CLIENT_KTNAME, process.env.KRB5CCNAME], before);
});

test('a KDC that is away is asked again; other failures are not', async () => {
  const fails = (text: string) => {
    const { known } = library(() => {
      throw new Error(text);
    });
    const kerberos = openKerberos({ principal: '', keytab: '', library: known });
    return kerberos.headers(one, 'Negotiate');
  };
  await assert.rejects(fails('Cannot contact any KDC for realm "B"'), NoReplyError);
  await assert.rejects(fails('something unheard of'), (error) => {
    assert.ok(error instanceof LoginError && !error.message.includes('unheard'));
    return true;
  });
  const { known } = library(() => '');
  const kerberos = openKerberos({ principal: '', keytab: '', library: known });
  await assert.rejects(kerberos.headers(one, 'Basic realm="x"'), /does not log in by Kerberos/);
});

test('what the libraries say becomes what to do', () => {
  const who = { principal: 'a@B', keytab: '/k' };
  const none = { principal: '', keytab: '' };
  const cases = [
    ["Can't find client principal a@B in cache collection", who, /\/k holds no key of a@B.*klist/],
    [
      'No Kerberos credentials available (default cache: FILE:/t)',
      none,
      /no ticket was found; run kinit/,
    ],
    ['SPNEGO cannot find mechanisms to negotiate', none, /no ticket was found; run kinit/],
    ['Decrypt integrity check failed', who, /key in \/k is not the one .* for a@B/],
    ["Client 'a@B' not found in Kerberos database", who, /KDC does not know the principal a@B/],
    [
      'Server HTTP/h@B not found in Kerberos database',
      who,
      /no principal HTTP\/… of this NameNode/,
    ],
    ['Ticket expired', none, /the ticket has expired; run kinit/],
    ['Cannot find KDC for realm "B"', who, /krb5\.conf/],
    ['Clock skew too great', who, /clocks/],
  ] as const;
  for (const [said, as, expected] of cases) assert.match(kerberosReason(said, as), expected);
  const page =
    '<title>Error 403 GSSException: (Mechanism level: Clock skew too great (37))</title>';
  assert.match(refusedTicketReason(page) ?? '', /clocks/);
  assert.equal(refusedTicketReason('<title>Error 403 Forbidden</title>'), null);
});
