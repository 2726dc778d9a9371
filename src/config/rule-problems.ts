/** What is wrong with the fields of an alert rule: what is expected there, and what was given. */
import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { DURATION_PATTERN, RULE_NAME_PATTERN } from '../model/alerts.ts';
import { nearest } from './nearest.ts';

export interface RuleProblem {
  /** The keys that lead to the field. */
  readonly path: readonly string[];
  readonly text: string;
}

type Fields = Readonly<Record<string, unknown>>;

const SHOWN_MAX = 60;
const KINDS: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  number: 'a number',
  object: 'fields with values',
  string: 'a text',
};
const PATTERNS: Readonly<Record<string, string>> = {
  [DURATION_PATTERN]: 'a duration such as 90s, 10m, 2h or 3d',
  [RULE_NAME_PATTERN]: 'a name of a-z, 0-9 and "-", at most 63 of them',
};

export function ruleProblems(schema: TSchema, rule: unknown): RuleProblem[] {
  return [...Value.Errors(schema, rule)].flatMap(({ keyword, instancePath, params }) => {
    const path = instancePath.split('/').filter((part) => part !== '');
    const details = params as Fields;
    switch (keyword) {
      case 'boolean':
        // An unknown field, which additionalProperties names too.
        return [];
      case 'additionalProperties': {
        const known = fieldsOf(schema, path);
        return (details.additionalProperties as readonly string[]).map((field) => ({
          path: [...path, field],
          text: unknownField(field, known),
        }));
      }
      case 'required': {
        const names = (details.requiredProperties as readonly string[]).join(', ');
        return [{ path, text: `missing: ${names}` }];
      }
      default: {
        const given = show(valueAt(rule, path));
        const expected = expectedOf(keyword, details, schemaAt(schema, path));
        return [{ path, text: `expected ${expected}; got ${given}` }];
      }
    }
  });
}

function unknownField(field: string, known: readonly string[]): string {
  const near = nearest(field, known);
  const hint = near === undefined ? `expected one of ${known.join(', ')}` : `did you mean ${near}?`;
  return `unknown field; ${hint}`;
}

function expectedOf(keyword: string, details: Fields, { pattern }: Fields): string {
  switch (keyword) {
    case 'enum':
      return `one of ${(details.allowedValues as readonly string[]).join(', ')}`;
    case 'pattern':
      return PATTERNS[String(details.pattern)] ?? 'a time of day such as 07:30';
    case 'type':
      return PATTERNS[String(pattern)] ?? KINDS[String(details.type)] ?? String(details.type);
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
      return `a number ${details.comparison} ${details.limit}`;
    case 'minItems':
    case 'minLength':
      return 'something that is not empty';
    case 'uniqueItems':
      return 'each entry once';
    case 'maxItems':
      return `at most ${details.limit} entries`;
    case 'maxLength':
      return `at most ${details.limit} characters`;
    default:
      return 'something else';
  }
}

function fieldsOf(schema: TSchema, path: readonly string[]): string[] {
  return Object.keys((schemaAt(schema, path).properties as Fields | undefined) ?? {});
}

/** The schema of a field; an empty one for what lies in a list. */
function schemaAt(schema: TSchema, path: readonly string[]): Fields {
  let at = schema as Fields;
  for (const name of path) at = ((at.properties as Fields | undefined)?.[name] ?? {}) as Fields;
  return at;
}

function valueAt(rule: unknown, path: readonly string[]): unknown {
  let at = rule;
  for (const name of path) at = (at as Fields)[name];
  return at;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}
