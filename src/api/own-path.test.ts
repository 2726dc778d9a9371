import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ownPath } from './own-path.ts';

const OWN = 'https://weather.example';

test('a path of this server stays as it is', () => {
  for (const path of [
    '/',
    '/?sheet=incidents&city=oslo',
    '/docs#LOGIN_REQUIRED',
    '/?a=%20%C3%BC',
  ]) {
    assert.equal(ownPath(path), path);
  }
});

test('whatever is asked for, a browser stays on this server, below its path', () => {
  const part = fc.oneof(
    fc.constantFrom('/', '\\', '//', '.', '..', '@', ':', '?', '#', '\t', '\r\n', '%2f', '%5c'),
    fc.constantFrom('https:', 'javascript:', 'evil.example', '[::1]', ' ', '\u2215', '\uff0f'),
    fc.string({ unit: 'binary', maxLength: 3 }),
  );
  const anyTarget = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(anyTarget, fc.constantFrom('', '/weather'), (target, base) => {
      let path: string;
      try {
        path = ownPath(target);
      } catch (error) {
        assert.equal((error as { code: string }).code, 'PARAMETER_INVALID');
        return;
      }
      const url = new URL(`${base}${path}`, OWN);
      assert.equal(url.origin, OWN);
      assert.ok(url.pathname.startsWith(`${base}/`));
      assert.match(path, /^\/(?!\/)[\x21-\x7e]*$/, 'fit for a header');
    }),
    { numRuns: 2_000 },
  );
  assert.throws(() => ownPath(`/${'x'.repeat(2_050)}`), { code: 'PARAMETER_INVALID' });
});
