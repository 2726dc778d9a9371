/**
 * The cases of people's bug reports that lie beside the project: each is run on the files of its own
 * folder, and must give what its README expects. A case without an expected value fails the test.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { languageOf } from '../web/words/words.ts';
import { IMPORT_CASES } from './cases/imports.ts';
import { openPlace } from './cases/place.ts';
import { SERVER_CASES } from './cases/servers.ts';

const ROOT = join(import.meta.dirname, '..');
const CASES = join(ROOT, '../shared/cases');
const skip = !existsSync(CASES) && 'the cases are not beside the project';

/** Files that several cases read; it is not a case. */
const INPUTS = 'inputs';

const RUN = { ...IMPORT_CASES, ...SERVER_CASES };

interface Covered {
  /** Why the case does not run here. */
  readonly reason: string;
  /** A file of tests → pieces of the names of those that run the case. */
  readonly tests: Readonly<Record<string, readonly string[]>>;
}

const COVERED: Readonly<Record<string, Covered>> = {
  '11-foreign-upkeep': {
    reason: 'it needs Python with delta-rs',
    tests: {
      'test/long/foreign-writer.test.ts': [
        "'z-order': ",
        "'a full vacuum':",
        "'log clean-up': ",
        'by delta-rs changes no row: after a restart all goes on`',
        "'the change data feed: the commit and the feature are named, and it is undone'",
      ],
    },
  },
  '12-zone-unknown-to-browser': {
    reason: 'it needs a browser, which other tests have open',
    tests: {
      'test/page-surroundings.test.ts': [
        "'times of a city whose zone the browser does not know are in UTC, and the page says so'",
        "'on a machine whose own zone is unknown the reader’s times are in UTC, in every language'",
      ],
    },
  },
};

describe('cases of bug reports', { skip }, () => {
  test('each case has an expected value, and each expected value its case', () => {
    const folders = readdirSync(CASES, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== INPUTS)
      .map(({ name }) => name);
    const known = [...Object.keys(RUN), ...Object.keys(COVERED)];
    const problems = [
      ...folders
        .filter((name) => !known.includes(name))
        .map((name) => `case ${name} has no expected value`),
      ...known.filter((name) => !folders.includes(name)).map((name) => `case ${name} is missing`),
    ];
    assert.deepEqual(problems, []);
    assert.equal(new Set(known).size, known.length);
  });

  for (const [name, run] of Object.entries(RUN).sort()) {
    test(name, async () => {
      using place = openPlace(CASES, name);
      await run(place);
    });
  }

  for (const [name, { reason, tests }] of Object.entries(COVERED)) {
    test(`${name}: ${reason}`, () => {
      for (const [file, pieces] of Object.entries(tests)) {
        const text = readFileSync(join(ROOT, file), 'utf8');
        assert.deepEqual(
          pieces.filter((piece) => !text.includes(piece)),
          [],
          `${file} has the tests that run this case`,
        );
      }
    });
  }

  test('12-zone-unknown-to-browser: languages as POSIX writes them', () => {
    assert.equal(languageOf(['C', 'en-US@posix']), 'en');
  });
});
