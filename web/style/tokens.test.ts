/** The colours have the contrast that the file says, and no other file states any. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { contrast } from '../format/palette.ts';

const WEB = join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(WEB, file), 'utf8');
const PAIR = /--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g;
const colours = new Map(
  [...read('style/tokens.css').matchAll(PAIR)].map(([, name = '', light = '', dark = '']) => [
    name,
    [light, dark] as const,
  ]),
);

/** What is least, on the surface, in light and in dark. */
const LEAST: Readonly<Record<string, readonly [light: number, dark: number]>> = {
  ink: [16, 14],
  quiet: [5.9, 7],
  'accent|place-\\d': [5.4, 7],
  'alert|good|wait|made-up': [5, 7],
  'edge|sun|moon|cloud|rain|snow': [3, 3],
};

test('each colour has its contrast on the surface, in light and in dark', () => {
  const [surface, page] = ['surface', 'page'].map((name) => colours.get(name) ?? assert.fail(name));
  for (const [names, least] of Object.entries(LEAST)) {
    const found = [...colours].filter(([name]) => new RegExp(`^(${names})$`).test(name));
    assert.ok(found.length >= names.split('|').length, names);
    for (const [name, pair] of found) {
      for (const scheme of [0, 1] as const) {
        const ratio = contrast(pair[scheme], surface?.[scheme] ?? '');
        assert.ok(ratio >= least[scheme], `${name} ${pair[scheme]}: ${ratio.toFixed(2)}`);
        const onPage = contrast(pair[scheme], page?.[scheme] ?? '');
        assert.ok(
          least[scheme] < 4.5 || onPage >= 4.5,
          `${name} on the page: ${onPage.toFixed(2)}`,
        );
      }
    }
  }
  const [accent, onAccent] = ['accent', 'on-accent'].map((name) => colours.get(name) ?? []);
  for (const scheme of [0, 1]) {
    assert.ok(contrast(accent?.[scheme] ?? '', onAccent?.[scheme] ?? '') >= 4.5);
  }
});

test('no other file states a colour or a size of type', () => {
  const own = ['style/tokens.css', 'chart/plotly.css'];
  for (const file of globSync('!(dist)/**/*.css', { cwd: WEB }).filter(
    (one) => !own.includes(one),
  )) {
    const stated = read(file).match(
      /#[0-9a-f]{3,8}\b(?=[^{]*;)|\b(rgb|hsl)a?\(|font(-size)?: *\d/gi,
    );
    assert.deepEqual(stated, null, file);
  }
});
