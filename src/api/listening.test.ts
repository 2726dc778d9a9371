import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { asIsobarError } from '../errors.ts';
import { translateListenError } from './listening.ts';

/** The error of a real attempt, translated. */
async function failureOf(host: string, port = 0) {
  const server = createServer().listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    return asIsobarError(translateListenError(error, { host, port }));
  } finally {
    server.close();
  }
  throw new assert.AssertionError({ message: `it listens on ${host}` });
}

test('a host that is not known or not ours is a fault of the setting api.host', async () => {
  for (const [host, what] of [
    ['no-such-host.invalid', 'unknown host "no-such-host.invalid"'],
    // Addresses for documentation (RFC 5737).
    ['192.0.2.1', '"192.0.2.1" is not an address of this machine'],
  ] as const) {
    const { code, message } = await failureOf(host);
    assert.equal(code, 'CONFIG_INVALID');
    assert.ok(message.startsWith(`api.host: ${what} (E`), message);
    assert.match(message, /expected an address of this machine, such as 127\.0\.0\.1, ::1/);
  }
});

test('distinguishes a taken port from a port that is not allowed', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const taken = await failureOf('127.0.0.1', port);
  server.close();
  assert.deepEqual(
    [taken.code, taken.message],
    ['PORT_TAKEN', `port ${port} of 127.0.0.1 (EADDRINUSE)`],
  );
  // Whether low ports are free for all depends on the machine, so the error is made here.
  const denied = Object.assign(new Error('listen EACCES'), { code: 'EACCES' });
  const { code } = asIsobarError(translateListenError(denied, { host: '::', port: 80 }));
  assert.equal(code, 'PORT_FORBIDDEN');
  const other = new Error('something else');
  assert.equal(translateListenError(other, { host: '::', port: 80 }), other);
});
