/** Addresses of services that are asked over HTTP. */

const ADDRESS = /^https?:\/\/[^/?#@\s,]+(\/[^?#@\s,]*)?$/;

/** What is wrong with the settings `engines.….…_url` and `…_urls`; null when nothing is. */
export function serviceAddressProblem(path: string, value: string): string | null {
  if (!/^engines\..+_urls?$/.test(path) || value === '') return null;
  const addresses = path.endsWith('s') ? value.split(',').map((one) => one.trim()) : [value];
  const wrong = addresses.find((address) => !ADDRESS.test(address));
  if (wrong === undefined) return null;
  const example = 'expected an address such as http://127.0.0.1:4040';
  // It may hold a password, which is not repeated.
  return wrong.includes('@')
    ? `${example}, without a user name and a password`
    : `${example}; got ${JSON.stringify(wrong)}`;
}
