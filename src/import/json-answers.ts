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
  return new TextSplitter();
}

class TextSplitter implements AnswerSplitter {
  #rest = '';
  #line = 1;
  /** Lists around the answers: an array, or the `list` of an object. */
  #lists: ('array' | 'member')[] = [];
  /** What is passed over, up to its end. */
  #passing: Within | 'line' | null = null;
  #brokenInARow = 0;

  push(piece: string): FoundAnswer[] {
    this.#rest += piece;
    return this.#take(false);
  }

  end(): FoundAnswer[] {
    return this.#take(true);
  }

  #take(ended: boolean): FoundAnswer[] {
    const found: FoundAnswer[] = [];
    let at = 0;
    while (at < this.#rest.length) {
      const from = at;
      if (this.#passing !== null) at = this.#pass(from);
      else if (!this.#isBetween(this.#rest.charCodeAt(at))) {
        const scanned = this.#scan(from, ended);
        if (scanned.kind === 'incomplete') break;
        at = scanned.kind === 'list' ? scanned.end : this.#settle(scanned, from, found);
      } else at += 1;
      if (at === from) break;
      this.#line += newlinesIn(this.#rest, from, at);
    }
    this.#rest = this.#rest.slice(at);
    return found;
  }

  /** Space and commas between values, and the lists' own brackets. */
  #isBetween(code: number): boolean {
    if (code <= SPACE || code === COMMA || code === BYTE_ORDER_MARK) return true;
    if (code === OPEN_LIST && this.#lists.length === 0) {
      this.#lists.push('array');
      return true;
    }
    if (code === CLOSE_LIST && this.#lists.length > 0) {
      if (this.#lists.pop() === 'member') this.#passing = { depth: 1, isText: false };
      return true;
    }
    return false;
  }

  #scan(from: number, ended: boolean): Scanned {
    const isObject = this.#rest.charCodeAt(from) === OPEN_OBJECT;
    if (!isObject && this.#lists.length > 0) return scanScalar(this.#rest, from, ended);
    if (!isObject || this.#brokenInARow > BROKEN_MAX) return scanLine(this.#rest, from, ended);
    const scanned = scanObject(this.#rest, from, this.#lists.at(-1) !== 'member');
    if (scanned.kind === 'list') this.#lists.push('member');
    const isCut = scanned.kind === 'incomplete' && ended;
    return isCut ? { kind: 'broken', end: this.#rest.length } : scanned;
  }

  /** Adds what was found, and returns where reading goes on. */
  #settle({ kind, end, within }: Scanned, from: number, found: FoundAnswer[]): number {
    if (kind === 'answer') {
      this.#brokenInARow = 0;
      found.push({ text: this.#rest.slice(from, end), line: this.#line });
      return end;
    }
    const newline = this.#rest.indexOf('\n', from);
    const lineEnd = newline === -1 || newline > end ? end : newline;
    const text = this.#rest.slice(from, Math.min(lineEnd, from + KEPT_CHARACTERS)).trimEnd();
    if (kind === 'broken') {
      this.#brokenInARow += 1;
      if (this.#rest.charCodeAt(from) === OPEN_OBJECT) this.#lists = [];
      found.push({ text, line: this.#line, problem: 'not a JSON object' });
      return Math.max(lineEnd, from + 1);
    }
    this.#passing = within ?? 'line';
    found.push({ text, line: this.#line, problem: 'longer than 1 MiB' });
    return end;
  }

  /** Where what is passed over ends, or what there is of it. */
  #pass(from: number): number {
    if (this.#passing === 'line') {
      const newline = this.#rest.indexOf('\n', from);
      if (newline !== -1) this.#passing = null;
      return newline === -1 ? this.#rest.length : newline;
    }
    for (let at = from; at < this.#rest.length; at++) {
      if (this.#passing === null) return at;
      const code = this.#rest.charCodeAt(at);
      if (code === BACKSLASH && this.#passing.isText) {
        if (at + 1 === this.#rest.length) return at;
        at += 1;
      } else if (code === QUOTE) this.#passing.isText = !this.#passing.isText;
      else if (!this.#passing.isText) {
        if (code === OPEN_OBJECT || code === OPEN_LIST) this.#passing.depth += 1;
        else if (code === CLOSE_OBJECT || code === CLOSE_LIST) this.#passing.depth -= 1;
        if (this.#passing.depth === 0) this.#passing = null;
      }
    }
    return this.#rest.length;
  }
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
