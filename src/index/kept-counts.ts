/**
 * Numbers of rows that are kept rather than counted: for each sentence (a variable, a rule and the
 * words of a reason without its numbers), how many rows each city and each month has. They answer
 * what is asked of all cities and times, which is what most rows would have to be counted for.
 */
import Type, { type Static } from 'typebox';
import type { Facets } from '../model/anomaly-facets.ts';
import type { AnomalyQuestion } from '../model/anomaly-search.ts';
import type { Anomaly } from '../model/datasets.ts';
import { monthOf } from './row-order.ts';
import { openFacetCounts } from './scan.ts';
import { isNumber, parseWanted, spaced, spacedWanted, wordsByOrigin } from './words.ts';

/** As they are stored. Words have a blank around each. */
export const CountsBody = Type.Object({
  /** Id, and the words of the name. */
  cities: Type.Array(Type.Tuple([Type.String(), Type.String()])),
  /** Variable, rule, words. */
  sentences: Type.Array(Type.Tuple([Type.String(), Type.String(), Type.String()])),
  /** Index of the city, index of the sentence, rows. */
  by_city: Type.Array(Type.Tuple([Type.Integer(), Type.Integer(), Type.Integer()])),
  /** Month, index of the sentence, rows. */
  by_month: Type.Array(Type.Tuple([Type.String(), Type.Integer(), Type.Integer()])),
});
export type CountsBody = Static<typeof CountsBody>;

/** Numbers that are kept at most: beyond, rows are counted. */
const NUMBERS_MAX = 100_000;

type City = CountsBody['cities'][number];
type Sentence = CountsBody['sentences'][number];
/** Of a city or month: sentence, as JSON → its rows. */
type Rows = Map<string, number>;

export class KeptCounts {
  readonly #sentences = new Map<string, Sentence>();
  readonly #cities = new Map<string, { readonly city: City; readonly rows: Rows }>();
  readonly #months = new Map<string, Rows>();

  /** Null when the numbers do not fit together. */
  static parse({ cities, sentences, by_city, by_month }: CountsBody): KeptCounts | null {
    const counts = new KeptCounts();
    for (const [at, no, rows] of by_city) {
      const [city, sentence] = [cities[at], sentences[no]];
      if (city === undefined || sentence === undefined) return null;
      addTo(counts.#rowsOfCity(city), counts.#keyOf(sentence), rows);
    }
    for (const [month, no, rows] of by_month) {
      const sentence = sentences[no];
      if (sentence === undefined) return null;
      addTo(counts.#rowsOfMonth(month), counts.#keyOf(sentence), rows);
    }
    return counts;
  }

  /** -1 for a row that is not there any more. */
  add(row: Anomaly, count: 1 | -1): void {
    const words = wordsByOrigin(row);
    const key = this.#keyOf([row.variable, row.rule, spaced(words.sentence)]);
    addTo(this.#rowsOfCity([row.city_id, spaced(words.city)]), key, count);
    addTo(this.#rowsOfMonth(monthOf(row.observed_at)), key, count);
  }

  /** Null when there are too many to keep. */
  body(numbersMax = NUMBERS_MAX): CountsBody | null {
    const numbers = new Map([...this.#sentences.keys()].map((key, no) => [key, no]));
    const body: CountsBody = { cities: [], sentences: [], by_city: [], by_month: [] };
    body.sentences.push(...this.#sentences.values());
    for (const { city, rows } of this.#cities.values()) {
      const at = body.cities.push(city) - 1;
      for (const [key, count] of rows) body.by_city.push([at, numbers.get(key) ?? 0, count]);
    }
    for (const [month, rows] of this.#months) {
      for (const [key, count] of rows) body.by_month.push([month, numbers.get(key) ?? 0, count]);
    }
    return body.by_city.length + body.by_month.length <= numbersMax ? body : null;
  }

  /** Null when rows have to be counted. */
  facets(question: AnomalyQuestion): Facets | null {
    const { scoreMin, scoreMax, from, to, chosen } = question;
    const isLimited = [scoreMin, scoreMax, from, to].some((limit) => limit !== null);
    if (isLimited || chosen.city_id.length > 0) return null;
    const found = this.#matching(question);
    if (found === null) return null;
    const sums = openFacetCounts();
    const none = { city_id: '', variable: '', rule: '', month: '' };
    for (const { city, rows } of this.#cities.values()) {
      let count = 0;
      for (const key of found.keys()) count += rows.get(key) ?? 0;
      if (count > 0) sums.add({ ...none, city_id: city[0] }, count, ['city_id']);
    }
    for (const [month, rows] of this.#months) {
      for (const [key, [variable, rule]] of found) {
        const count = rows.get(key) ?? 0;
        const values = { ...none, variable, rule, month };
        if (count > 0) sums.add(values, count, ['month', 'variable', 'rule']);
      }
    }
    return sums.facets();
  }

  /**
   * The sentences all rows of which are found; null when some rows of another one are, because of
   * their city or their numbers.
   */
  #matching({ text, chosen }: AnomalyQuestion): ReadonlyMap<string, Sentence> | null {
    const wanted = spacedWanted(parseWanted(text));
    if (wanted.some((word) => isNumber(word.trim()))) return null;
    const found = new Map<string, Sentence>();
    for (const [key, sentence] of this.#sentences) {
      const [variable, rule, words] = sentence;
      const isChosen = (values: readonly string[], value: string) =>
        values.length === 0 || values.includes(value);
      if (!isChosen(chosen.variable, variable) || !isChosen(chosen.rule, rule)) continue;
      const missing = wanted.filter((word) => !words.includes(word));
      if (missing.length === 0) found.set(key, sentence);
      else if (this.#hasCity(missing)) return null;
    }
    return found;
  }

  #hasCity(words: readonly string[]): boolean {
    return this.#cities.values().some(({ city }) => words.every((word) => city[1].includes(word)));
  }

  #keyOf(sentence: Sentence): string {
    const key = JSON.stringify(sentence);
    if (!this.#sentences.has(key)) this.#sentences.set(key, sentence);
    return key;
  }

  #rowsOfCity(city: City): Rows {
    const key = JSON.stringify(city);
    const own = this.#cities.get(key) ?? { city, rows: new Map() };
    this.#cities.set(key, own);
    return own.rows;
  }

  #rowsOfMonth(month: string): Rows {
    const own = this.#months.get(month) ?? new Map<string, number>();
    this.#months.set(month, own);
    return own;
  }
}

function addTo(rows: Rows, key: string, count: number): void {
  const sum = (rows.get(key) ?? 0) + count;
  if (sum === 0) rows.delete(key);
  else rows.set(key, sum);
}
