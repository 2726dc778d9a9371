import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IsobarError } from '../errors.ts';
import { loadConfig } from './load.ts';

function api(flags: Readonly<Record<string, string>>) {
  return loadConfig({ file: null, env: {}, flags });
}

function problem(flags: Readonly<Record<string, string>>): string {
  try {
    api(flags);
  } catch (error) {
    assert.ok(error instanceof IsobarError && error.code === 'CONFIG_INVALID');
    return error.message;
  }
  throw new assert.AssertionError({ message: `accepted: ${JSON.stringify(flags)}` });
}

test('an IPv6 address may stand in brackets, as in an address bar', () => {
  for (const [given, host] of [
    ['[::1]', '::1'],
    ['[::]', '::'],
    ['::1', '::1'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    [' 127.0.0.1 ', '127.0.0.1'],
    ['localhost', 'localhost'],
    ['my_host-1.example.org', 'my_host-1.example.org'],
    ['münchen.example', 'münchen.example'],
  ] as const) {
    assert.equal(api({ 'api.host': given }).config.api.host, host, given);
  }
});

test('what is neither an address nor a name is refused by the name of the setting', () => {
  for (const host of ['', '[localhost]', '[::1', 'http://127.0.0.1', '999.1.1.1', '1.2.3', 'a b']) {
    assert.match(problem({ 'api.host': host }), /^api\.host \(flag\): expected an address/, host);
  }
  assert.match(problem({ 'api.host': '127.0.0.1:5000' }), /the port is the setting api\.port$/);
});

test('a base path is written in one way, whatever slashes it came with', () => {
  for (const [given, path] of [
    ['/weather', '/weather'],
    ['weather/', '/weather'],
    ['/a/b-c/', '/a/b-c'],
    ['/', ''],
    ['', ''],
  ] as const) {
    assert.equal(api({ 'api.base_path': given }).config.api.base_path, path, given);
  }
  for (const path of ['https://a.example/x', '/a//b', '/../x', '/a b', '/ü', '/x?y=1', '/%20']) {
    assert.match(problem({ 'api.base_path': path }), /^api\.base_path \(flag\): expected/, path);
  }
  for (const path of ['/api', 'docs/', '/assets', '/healthz']) {
    assert.match(problem({ 'api.base_path': path }), /of the server itself/, path);
  }
});

test('allowed hosts are names; an address with scheme or port is refused', () => {
  const hosts = 'weather.example.org, *.example.net,192.168.0.7,::1,wetter.münchen.example,';
  assert.equal(api({ 'api.allowed_hosts': hosts }).config.api.allowed_hosts, hosts);
  assert.deepEqual(api({ 'api.allowed_hosts': hosts }).warnings, []);
  for (const host of ['https://a.example', 'a.example:8443', 'a.example/x', 'a*.example', '*.']) {
    assert.match(problem({ 'api.allowed_hosts': host }), /^api\.allowed_hosts \(flag\): exp/, host);
  }
});

test('any host may be allowed, with a warning', () => {
  const [warning = ''] = api({ 'api.allowed_hosts': 'a.example, *' }).warnings;
  assert.match(warning, /^api\.allowed_hosts: with \* any site/);
});

test('numbers of variables and flags are decimal', () => {
  for (const text of ['0x1388', '0b11', '1e3', '5_000', '5000.0', 'Infinity', '']) {
    assert.match(
      problem({ 'api.port': text }),
      /^api\.port \(flag\): expected a whole number/,
      text,
    );
  }
  assert.equal(api({ 'api.port': ' 08080' }).config.api.port, 8_080);
  assert.equal(api({ 'simulator.speed': '1.5e2' }).config.simulator.speed, 150);
  assert.match(problem({ 'simulator.speed': '0x10' }), /expected a number/);
});
