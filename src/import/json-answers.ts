/**
 * The recorded answers in a text, one by one, however they are kept: an object, objects after each
 * other (a line each or pretty-printed), arrays of them, and answers that hold a `list`.
 *
 * Only one answer is in memory. Text that is not JSON costs its own line: what is broken ends there,
 * and the next line is read anew.
 */

export interface FoundAnswer {
  /** The very characters of the answer; of what cannot be one, the beginning. */
  readonly text: string;
  /** The line on which it begins. */
  readonly line: number;
  /** Why it cannot be an answer, found out before it is parsed. */
  readonly problem?: string;
}

export interface AnswerSplitter {
  /** The answers that are complete with this piece of text. */
  push(piece: string): FoundAnswer[];
  /** Those of the rest, when the text has ended. */
  end(): FoundAnswer[];
}

/** Characters of one answer at most. */
const ANSWER_CHARACTERS_MAX = 1024 * 1024;
/** Characters kept of what is not used. */
const KEPT_CHARACTERS = 4_096;
/** Broken values in a row after which each line is taken by itself, lest all be read many times. */
const BROKEN_MAX = 64;

const [NEWLINE, SPACE, QUOTE, COMMA, COLON, BACKSLASH] = [0x0a, 0x20, 0x22, 0x2c, 0x3a, 0x5c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];
const BYTE_ORDER_MARK = 0xfeff;

/** What lies at the reader's place, and where it ends. */
interface Scanned {
  readonly kind: 'answer' | 'list' | 'broken' | 'long' | 'long line' | 'incomplete';
  readonly end: number;
  /** Of what is long: how deep the reader is in it, and whether in a text. */
  readonly within?: Within;
}

interface Within {
  depth: number;
  isText: boolean;
}

export function openAnswerSplitter(): AnswerSplitter {
  let rest = '';
  let line = 1;
  /** Lists around the answers: an array, or the `list` of an object. */
  let lists: ('array' | 'member')[] = [];
  /** What is passed over, up to its end. */
  let passing: Within | 'line' | null = null;
  let brokenInARow = 0;

  function take(ended: boolean): FoundAnswer[] {
    const found: FoundAnswer[] = [];
    let at = 0;
    while (at < rest.length) {
      const from = at;
      if (passing !== null) at = pass(from);
      else if (!isBetween(rest.charCodeAt(at))) {
        const scanned = scan(from, ended);
        if (scanned.kind === 'incomplete') break;
        at = scanned.kind === 'list' ? scanned.end : settle(scanned, from, found);
      } else at += 1;
      if (at === from) break;
      line += newlinesIn(rest, from, at);
    }
    rest = rest.slice(at);
    return found;
  }

  /** Space and commas between values, and the lists' own brackets. */
  function isBetween(code: number): boolean {
    if (code <= SPACE || code === COMMA || code === BYTE_ORDER_MARK) return true;
    if (code === OPEN_LIST && lists.length === 0) {
      lists.push('array');
      return true;
    }
    if (code === CLOSE_LIST && lists.length > 0) {
      if (lists.pop() === 'member') passing = { depth: 1, isText: false };
      return true;
    }
    return false;
  }

  function scan(from: number, ended: boolean): Scanned {
    const isObject = rest.charCodeAt(from) === OPEN_OBJECT;
    if (!isObject && lists.length > 0) return scanScalar(rest, from, ended);
    if (!isObject || brokenInARow > BROKEN_MAX) return scanLine(rest, from, ended);
    const scanned = scanObject(rest, from, lists.at(-1) !== 'member');
    if (scanned.kind === 'list') lists.push('member');
    const isCut = scanned.kind === 'incomplete' && ended;
    return isCut ? { kind: 'broken', end: rest.length } : scanned;
  }

  /** Adds what was found, and returns where reading goes on. */
  function settle({ kind, end, within }: Scanned, from: number, found: FoundAnswer[]): number {
    if (kind === 'answer') {
      brokenInARow = 0;
      found.push({ text: rest.slice(from, end), line });
      return end;
    }
    const newline = rest.indexOf('\n', from);
    const lineEnd = newline === -1 || newline > end ? end : newline;
    const text = rest.slice(from, Math.min(lineEnd, from + KEPT_CHARACTERS)).trimEnd();
    if (kind === 'broken') {
      brokenInARow += 1;
      if (rest.charCodeAt(from) === OPEN_OBJECT) lists = [];
      found.push({ text, line, problem: 'not a JSON object' });
      return Math.max(lineEnd, from + 1);
    }
    passing = within ?? 'line';
    found.push({ text, line, problem: 'longer than 1 MiB' });
    return end;
  }

  /** Where what is passed over ends, or what there is of it. */
  function pass(from: number): number {
    if (passing === 'line') {
      const newline = rest.indexOf('\n', from);
      if (newline !== -1) passing = null;
      return newline === -1 ? rest.length : newline;
    }
    for (let at = from; at < rest.length; at++) {
      if (passing === null) return at;
      const code = rest.charCodeAt(at);
      if (code === BACKSLASH && passing.isText) {
        if (at + 1 === rest.length) return at;
        at += 1;
      } else if (code === QUOTE) passing.isText = !passing.isText;
      else if (!passing.isText) {
        if (code === OPEN_OBJECT || code === OPEN_LIST) passing.depth += 1;
        else if (code === CLOSE_OBJECT || code === CLOSE_LIST) passing.depth -= 1;
        if (passing.depth === 0) passing = null;
      }
    }
    return rest.length;
  }

  return {
    push(piece) {
      rest += piece;
      return take(false);
    },
    end: () => take(true),
  };
}

/** The object that begins there; its `list` where one is looked for. */
function scanObject(text: string, from: number, looksForList: boolean): Scanned {
  const within: Within = { depth: 0, isText: false };
  const limit = Math.min(text.length, from + ANSWER_CHARACTERS_MAX);
  let [key, start, before] = ['', 0, COLON];
  let at = from;
  for (; at < limit; at++) {
    const code = text.charCodeAt(at);
    if (within.isText) {
      if (code === BACKSLASH) at += 1;
      else if (code === NEWLINE) return { kind: 'broken', end: at };
      else if (code === QUOTE) {
        within.isText = false;
        if (within.depth === 1) key = text.slice(start, at);
        before = QUOTE;
      }
      continue;
    }
    if (code <= SPACE) continue;
    if (code === QUOTE) {
      within.isText = true;
      start = at + 1;
    } else if (code === OPEN_OBJECT || code === OPEN_LIST) {
      // A value behind a value: the one before was cut off.
      if (before !== COLON && before !== COMMA && before !== OPEN_LIST) {
        return { kind: 'broken', end: at };
      }
      const isList = code === OPEN_LIST && within.depth === 1 && key === 'list';
      if (isList && looksForList) return { kind: 'list', end: at + 1 };
      within.depth += 1;
    } else if (code === CLOSE_OBJECT || code === CLOSE_LIST) {
      within.depth -= 1;
      if (within.depth === 0) {
        const end = at + 1;
        return { kind: isJson(text.slice(from, end)) ? 'answer' : 'broken', end };
      }
    }
    before = code;
  }
  return limit < text.length
    ? { kind: 'long', end: Math.min(at, text.length), within }
    : { kind: 'incomplete', end: text.length };
}

/** A line that is an answer by itself, or is broken. */
function scanLine(text: string, from: number, ended: boolean): Scanned {
  const newline = text.indexOf('\n', from);
  const end = newline === -1 ? text.length : newline;
  if (end - from > ANSWER_CHARACTERS_MAX) return { kind: 'long line', end };
  if (newline === -1 && !ended) return { kind: 'incomplete', end };
  const isAnswer = text.charCodeAt(from) === OPEN_OBJECT && isJson(text.slice(from, end));
  return { kind: isAnswer ? 'answer' : 'broken', end };
}

/** A text, a number or a word in a list. */
function scanScalar(text: string, from: number, ended: boolean): Scanned {
  const pattern = /"(?:[^"\\\n]|\\.)*"|[^,\]\n]+/y;
  pattern.lastIndex = from;
  const end = pattern.test(text) ? pattern.lastIndex : from + 1;
  if (end - from > ANSWER_CHARACTERS_MAX) return { kind: 'long line', end };
  return end === text.length && !ended ? { kind: 'incomplete', end } : { kind: 'broken', end };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function newlinesIn(text: string, from: number, to: number): number {
  if (to - from === 1) return text.charCodeAt(from) === NEWLINE ? 1 : 0;
  let count = 0;
  for (let at = text.indexOf('\n', from); at !== -1 && at < to; at = text.indexOf('\n', at + 1)) {
    count += 1;
  }
  return count;
}
