import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANSWERS, AnswerError, parseAnswer } from './answers.ts';

test('an answer that does not fit is shown in part, without tokens', () => {
  const answers = [
    '{"location": "https://dn:1/webhdfs/v1/a?delegation=SECRET&x=1"}',
    '{"Tokens": {"urlString": "SECRET"}}',
    '{"Token": {"urlString": "SECRET", "more": ',
    'token=SECRET',
  ];
  for (const text of answers) {
    for (const schema of [ANSWERS.location, ANSWERS.done]) {
      assert.throws(
        () => parseAnswer(schema, text),
        (error) => error instanceof AnswerError && !/SECRET/.test(error.message),
      );
    }
  }
});
