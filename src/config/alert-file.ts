/**
 * The file of alerts: channels and rules.
 *
 *     default_channels: [ops]
 *     channels:
 *       ops: { type: email, host: smtp.example.org, from: isobar@example.org, to: [me@example.org] }
 *     rules:
 *       - name: frost
 *         when: { kind: value, variable: temperature_c, below: 0, clear: 1 }
 *         for: 20m
 */
import type { TSchema } from 'typebox';
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import { IsobarError } from '../errors.ts';
import {
  type AlertRule,
  AlertRuleBaseSchema,
  CONDITIONS,
  type ConditionKind,
  type ConditionOf,
  secondsWithin,
} from '../model/alerts.ts';
import { VARIABLES } from '../model/variables.ts';
import { readRegularFileSync } from '../regular-file.ts';
import type { ChannelConfig } from './alert-channels.ts';
import { nearest } from './nearest.ts';
import { fallbackProblems, parseChannel } from './parse-channel.ts';
import { ruleProblems } from './rule-problems.ts';

export interface AlertFile {
  readonly rules: readonly AlertRule[];
  readonly channels: readonly ChannelConfig[];
  /** Of rules that name none. */
  readonly defaultChannels: readonly string[];
}

export const NO_ALERTS: AlertFile = { rules: [], channels: [], defaultChannels: [] };

const FILE_BYTES_MAX = 1024 * 1024;
const RULES_MAX = 1_000;
const SECTIONS = ['channels', 'rules', 'default_channels'];

/** A problem, and the keys that lead to its place. */
interface Problem {
  readonly at: readonly (string | number)[];
  readonly text: string;
}

/** A rule without a problem of its own, and where it is in the list. */
interface PlacedRule {
  readonly rule: AlertRule;
  readonly index: number;
}

/**
 * Rejects with CONFIG_INVALID that lists all problems, each with its line. `builtIn` are names of
 * rules that are there without the file.
 */
export function loadAlertFile(path: string, builtIn: readonly string[] = []): AlertFile {
  const { document, lines } = readDocument(path);
  const problems: Problem[] = [];
  const content = document.toJS() as unknown;
  if (content === null || content === undefined) return NO_ALERTS;
  if (!isRecord(content)) throw invalid([`${path}: expected the sections ${SECTIONS.join(', ')}`]);
  for (const name of Object.keys(content)) {
    if (SECTIONS.includes(name)) continue;
    problems.push({ at: [name], text: `unknown section; expected ${SECTIONS.join(', ')}` });
  }
  const channels = readChannels(content.channels, problems);
  const rules = readRules(content.rules, problems);
  const defaultChannels = readDefaults(content.default_channels, problems);
  const all = content.rules as readonly unknown[];
  const placed = rules.map((rule) => ({ rule, index: all.indexOf(rule) }));
  checkNames(placed, namesOf(content.channels), defaultChannels, problems);
  checkInhibitors(placed, [...ruleNames(content.rules), ...builtIn], problems);
  if (problems.length > 0) {
    throw invalid(problems.map(({ at, text }) => `${placeOf(path, document, lines, at)}: ${text}`));
  }
  return { rules, channels, defaultChannels };
}

/** The channels alone, without those that have problems. Throws CONFIG_INVALID for no such file. */
export function loadChannels(path: string): readonly ChannelConfig[] {
  const content = readDocument(path).document.toJS() as unknown;
  return isRecord(content) ? readChannels(content.channels, []) : [];
}

function invalid(problems: readonly string[]): IsobarError {
  return new IsobarError('CONFIG_INVALID', problems.join('\n'), { details: { problems } });
}

function readDocument(path: string): { document: Document; lines: LineCounter } {
  let text: string;
  try {
    text = readRegularFileSync(path, { bytesMax: FILE_BYTES_MAX }).toString('utf8');
  } catch (error) {
    const { message } = error as Error;
    throw invalid([
      error instanceof IsobarError ? message : `alerts.file: ${path} cannot be read: ${message}`,
    ]);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problems = document.errors.map(
    (error) => `${path} line ${lines.linePos(error.pos[0]).line}: ${error.message}`,
  );
  if (problems.length > 0) throw invalid(problems);
  return { document, lines };
}

/** `alerts.yaml line 7: rules.2.when.below`; the line of the nearest key that is there. */
function placeOf(path: string, document: Document, lines: LineCounter, at: Problem['at']): string {
  for (let depth = at.length; depth > 0; depth--) {
    const offset = offsetOf(document, at.slice(0, depth));
    if (offset === null) continue;
    return `${path} line ${lines.linePos(offset).line}: ${at.join('.')}`;
  }
  return `${path}: ${at.join('.')}`;
}

/** Where the key is in the text, or the entry of a list. */
function offsetOf(document: Document, at: Problem['at']): number | null {
  const parent = at.length === 1 ? document.contents : document.getIn(at.slice(0, -1), true);
  const pair = isMap(parent)
    ? parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(at.at(-1)))
    : undefined;
  const node = isScalar(pair?.key) ? pair.key : document.getIn(at, true);
  return isNode(node) ? (node.range?.[0] ?? null) : null;
}

function readChannels(given: unknown, problems: Problem[]): ChannelConfig[] {
  if (given === undefined || given === null) return [];
  if (!isRecord(given)) {
    problems.push({ at: ['channels'], text: 'expected names with a channel each' });
    return [];
  }
  const channels: ChannelConfig[] = [];
  for (const [name, value] of Object.entries(given)) {
    const parsed = parseChannel(name, value);
    if ('channel' in parsed) channels.push(parsed.channel);
    else problems.push(...parsed.problems.map(splitProblem));
  }
  problems.push(...fallbackProblems(channels, namesOf(given)).map(splitProblem));
  return channels;
}

/** Also of channels with a problem of their own: that they are unknown would be a second one. */
function namesOf(channels: unknown): string[] {
  return isRecord(channels) ? Object.keys(channels) : [];
}

/** `channels.ops.host: expected a host` */
function splitProblem(problem: string): Problem {
  const colon = problem.indexOf(': ');
  return { at: problem.slice(0, colon).split('.'), text: problem.slice(colon + 2) };
}

function readRules(given: unknown, problems: Problem[]): AlertRule[] {
  if (given === undefined || given === null) return [];
  if (!Array.isArray(given) || given.length > RULES_MAX) {
    problems.push({ at: ['rules'], text: `expected a list of at most ${RULES_MAX} rules` });
    return [];
  }
  return given.flatMap((rule: unknown, index) => {
    const found = problemsOfRule(rule);
    problems.push(...found.map(({ at, text }) => ({ at: ['rules', index, ...at], text })));
    return found.length === 0 ? [rule as AlertRule] : [];
  });
}

/** What is wrong with a rule, whichever file it comes from. */
function problemsOfRule(rule: unknown): readonly Problem[] {
  if (!isRecord(rule)) return [{ at: [], text: 'expected a rule with name and when' }];
  const problems = schemaProblems(AlertRuleBaseSchema, rule, []);
  const { when } = rule;
  if (!isRecord(when)) {
    return [...problems, { at: ['when'], text: 'expected a condition such as {kind: value, …}' }];
  }
  const kinds = Object.keys(CONDITIONS);
  if (typeof when.kind !== 'string' || !kinds.includes(when.kind)) {
    return [...problems, { at: ['when', 'kind'], text: `expected one of ${kinds.join(', ')}` }];
  }
  const schema = CONDITIONS[when.kind as ConditionKind];
  const inWhen = schemaProblems(schema, when, ['when']);
  if (inWhen.length > 0) return [...problems, ...inWhen];
  const odd = conditionProblem(when as unknown as AlertRule['when']);
  return odd === null ? problems : [...problems, { at: ['when'], text: odd }];
}

const FORECAST_S_MAX = 48 * 3_600;
const FINDINGS_S_MAX = 30 * 86_400;

/** What a schema cannot say. */
function conditionProblem(when: AlertRule['when']): string | null {
  if (when.kind === 'value') return thresholdProblem(when) ?? clearProblem(when);
  if (when.kind === 'forecast') {
    const isTooFar = secondsWithin(when) > FORECAST_S_MAX;
    return thresholdProblem(when) ?? (isTooFar ? 'expected within to be at most 48h' : null);
  }
  if (when.kind === 'quality' || when.kind === 'event') {
    const isTooFar = secondsWithin(when) > FINDINGS_S_MAX;
    return isTooFar ? 'expected within to be at most 30d' : null;
  }
  if (when.kind === 'unusual' && VARIABLES[when.variable].aggregate === 'vector_mean') {
    return `${when.variable} is a direction, which has no usual range`;
  }
  return null;
}

function thresholdProblem({
  variable,
  above,
  below,
}: ConditionOf<'value'> | ConditionOf<'forecast'>): string | null {
  if (above === undefined && below === undefined) return 'expected above or below';
  if (above !== undefined && below !== undefined && below >= above) {
    return `expected below (${below}) to be less than above (${above})`;
  }
  const { minimum, maximum, unit } = VARIABLES[variable];
  const outside = [above, below].find((x) => x !== undefined && (x < minimum || x > maximum));
  return outside === undefined
    ? null
    : `${outside} is outside of what ${variable} can be (${minimum} to ${maximum} ${unit})`;
}

function clearProblem({ above, below, clear }: ConditionOf<'value'>): string | null {
  if (clear === undefined) return null;
  if (above !== undefined && below !== undefined) {
    return 'clear goes with above or with below, not with both';
  }
  if (above !== undefined && clear > above) {
    return `expected clear (${clear}) to be at most above (${above})`;
  }
  if (below !== undefined && clear < below) {
    return `expected clear (${clear}) to be at least below (${below})`;
  }
  return null;
}

function schemaProblems(
  schema: TSchema,
  value: Record<string, unknown>,
  at: readonly string[],
): Problem[] {
  return ruleProblems(schema, value).map(({ path, text }) => ({ at: [...at, ...path], text }));
}

function readDefaults(given: unknown, problems: Problem[]): string[] {
  if (given === undefined || given === null) return [];
  const isList = Array.isArray(given) && given.every((name) => typeof name === 'string');
  if (isList) return given as string[];
  problems.push({ at: ['default_channels'], text: 'expected a list of names of channels' });
  return [];
}

function checkNames(
  rules: readonly PlacedRule[],
  known: readonly string[],
  defaultChannels: readonly string[],
  problems: Problem[],
): void {
  const check = (names: readonly string[] | undefined, at: Problem['at']) => {
    for (const name of names ?? []) {
      if (known.includes(name)) continue;
      const others = known.length === 0 ? 'no channel is configured' : `known: ${known.join(', ')}`;
      problems.push({ at, text: `unknown channel ${name}; ${others}` });
    }
  };
  check(defaultChannels, ['default_channels']);
  const names = new Set<string>();
  for (const { rule, index } of rules) {
    if (names.has(rule.name)) {
      problems.push({ at: ['rules', index, 'name'], text: `a second rule ${rule.name}` });
    }
    names.add(rule.name);
    check(rule.channels, ['rules', index, 'channels']);
    check(rule.escalate?.channels, ['rules', index, 'escalate', 'channels']);
  }
}

function checkInhibitors(
  rules: readonly PlacedRule[],
  known: readonly string[],
  problems: Problem[],
): void {
  for (const { rule, index } of rules) {
    for (const name of rule.inhibited_by ?? []) {
      if (known.includes(name)) continue;
      const near = nearest(name, known);
      const hint = near === undefined ? `known: ${known.join(', ')}` : `did you mean ${near}?`;
      const at = ['rules', index, 'inhibited_by'];
      problems.push({ at, text: `unknown rule ${name}; ${hint}` });
    }
  }
}

/** Also of rules with a problem of their own. */
function ruleNames(rules: unknown): string[] {
  if (!Array.isArray(rules)) return [];
  return rules.flatMap((rule) =>
    isRecord(rule) && typeof rule.name === 'string' ? rule.name : [],
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
