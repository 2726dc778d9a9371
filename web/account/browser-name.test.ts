import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browserName } from './browser-name.ts';

test('browsers are named as people call them', () => {
  const windows =
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)';
  for (const [agent, name] of [
    [
      'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0',
      'Firefox 143, Linux',
    ],
    [`${windows} Chrome/153.0.0.0 Safari/537.36`, 'Chrome 153, Windows'],
    [`${windows} Chrome/153.0.0.0 Safari/537.36 Edg/153.0.2.1`, 'Edge 153, Windows'],
    [`${windows} Chrome/150.0.0.0 Safari/537.36 OPR/120.0.0.0`, 'Opera 120, Windows'],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15',
      'Safari 26, macOS',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1',
      'Safari 26, iPhone',
    ],
    [
      'Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/153.0.0.0 Mobile Safari/537.36',
      'Chrome 153, Android',
    ],
    ['Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/153.0.0.0', 'Chrome 153, Linux'],
    ['curl/8.17.0', 'curl/8.17.0'],
    ['  ', null],
    ['', null],
    ['x'.repeat(200), 'x'.repeat(60)],
  ] as const) {
    assert.equal(browserName(agent), name, agent);
  }
});
