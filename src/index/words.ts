/**
 * Words, the same for all engines: they store and look for what is made here, and cut nothing up
 * themselves.
 *
 *     "São Paulo: 33.4 °C"  →  sao paulo 33.4 c
 *
 * Letters lose case and diacritics; whatever is neither a letter nor a digit separates; a decimal
 * number is one word.
 */

/** Characters of a word that count, and words of a question. */
const WORD_CHARACTERS_MAX = 64;
const WORDS_MAX = 32;
/** Of a question's text, before it is read. */
const TEXT_CHARACTERS_MAX = 10_000;

const WORD = /\p{N}+(?:\.\p{N}+)+|[\p{L}\p{N}]+/gu;
/** Letters that Unicode does not take apart, as people write them without. */
const LETTERS: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ı: 'i',
};

export function wordsOf(text: string): string[] {
  const plain = text
    .toLowerCase()
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    // Compatibility forms such as ℡ have capitals.
    .toLowerCase()
    .replace(/[ßæœøłđı]/g, (letter) => LETTERS[letter] ?? letter);
  return (plain.match(WORD) ?? []).map((word) =>
    // By code points: half a character is not one.
    word.length <= WORD_CHARACTERS_MAX ? word : [...word].slice(0, WORD_CHARACTERS_MAX).join(''),
  );
}

export interface WantedWords {
  /** Words as they are. */
  readonly whole: readonly string[];
  /** How another word begins; null when the text has no word, which allows all rows. */
  readonly begun: string | null;
}

export function parseWanted(text: string): WantedWords {
  const words = wordsOf(text.slice(0, TEXT_CHARACTERS_MAX)).slice(0, WORDS_MAX);
  const begun = words.pop() ?? null;
  return { whole: [...new Set(words)], begun };
}

/** A blank around each word. */
export function spaced(words: readonly string[]): string {
  return ` ${words.join(' ')} `;
}

/** What all must be in a text of spaced words that is wanted. */
export function spacedWanted({ whole, begun }: WantedWords): string[] {
  return begun === null ? [] : [...whole.map((word) => ` ${word} `), ` ${begun}`];
}

/** What a row is found by, a blank around each word. */
export function searchedText(row: { readonly city: string; readonly reason: string }): string {
  return spaced(wordsOf(`${row.city} ${row.reason}`));
}

/**
 * The words that a row is found by, each once, by what they change with: those of the city's name;
 * the sentence of the reason, which many rows share; and its numbers, which are the words that begin
 * with a digit.
 */
export function wordsByOrigin(row: { readonly city: string; readonly reason: string }) {
  const city = new Set(wordsOf(row.city));
  const rest = [...new Set(wordsOf(row.reason))].filter((word) => !city.has(word));
  return {
    city: [...city],
    sentence: rest.filter((word) => !isNumber(word)),
    numbers: rest.filter(isNumber),
  };
}

/** The same for a word and for how it begins. */
export function isNumber(word: string): boolean {
  return /^\p{N}/u.test(word);
}
