/** Where a browser may be sent on to: a path of this server, and nothing that a browser takes for another. */
import { parameterError } from './parameters.ts';

const CHARACTERS_MAX = 2_048;
const ANYWHERE = 'http://own.invalid';

/** `/?sheet=incidents` as a browser reads it; throws PARAMETER_INVALID for all that leads elsewhere. */
export function ownPath(text: string): string {
  const url = text.length > CHARACTERS_MAX ? null : URL.parse(text, ANYWHERE);
  if (url !== null && url.origin === ANYWHERE) {
    const path = `${url.pathname}${url.search}${url.hash}`;
    // `/.//example.org` leads elsewhere only once its dots are resolved.
    if (!path.startsWith('//')) return path;
  }
  throw parameterError('to', 'expected a path of this server, such as /?sheet=incidents');
}
