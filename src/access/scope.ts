/** Scopes of cities as people write them and as files keep them: `london,country:GB,tag:coast`. */
import { IsobarError } from '../errors.ts';
import { type CityScope, formatScope } from '../model/access.ts';
import { CITY_ID_PATTERN, TAG_PATTERN } from '../model/city.ts';

const TERMS_MAX = 1_000;
const COUNTRY = /^[^\s,:][^,:]{0,63}$/u;

/** `all` → null. Rejects with PARAMETER_INVALID. */
export function parseScope(text: string): CityScope | null {
  if (text.trim() === 'all') return null;
  const terms = [...new Set(text.split(',').map((term) => parseTerm(term.trim())))].sort();
  if (terms.length <= TERMS_MAX) return terms;
  throw invalid(`expected at most ${TERMS_MAX}; got ${terms.length}`);
}

/** As files keep it. */
export function storedScope(cities: CityScope | null): string | null {
  return cities === null ? null : formatScope(cities);
}

/** Text that is not a scope, in a file that was changed by hand, is an error and never "all". */
export function readScope(text: string | null): CityScope | null {
  return text === null ? null : (parseScope(text) ?? []);
}

function parseTerm(term: string): string {
  const [, kind = '', rest = term] = /^(country|tag):(.*)$/.exec(term) ?? [];
  const isRight =
    kind === 'country'
      ? COUNTRY.test(rest)
      : kind === 'tag'
        ? TAG_PATTERN.test(rest)
        : CITY_ID_PATTERN.test(term);
  if (isRight) return kind === 'country' ? `country:${rest.toUpperCase()}` : term;
  const shown = JSON.stringify(term.slice(0, 64));
  throw invalid(`${shown}: expected the id of a city, country:XX, tag:WORD, or all`);
}

function invalid(text: string): IsobarError {
  return new IsobarError('PARAMETER_INVALID', `cities: ${text}`);
}
