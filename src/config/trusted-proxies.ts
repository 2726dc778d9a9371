/** Reverse proxies whose word about the visitor is believed (`api.trusted_proxies`). */
import { BlockList, isIP } from 'node:net';
import { splitList } from './list.ts';

export interface TrustedProxies {
  /** Whether this is the address of one of them; false for anything but an address. */
  has(address: string | undefined): boolean;
}

/** `127.0.0.1, 10.0.0.0/8, fd00::/8`; what is not valid is left out. */
export function parseTrustedProxies(text: string): TrustedProxies {
  const list = new BlockList();
  for (const { address, bits, family } of splitList(text).map(parseEntry).filter(isKnown)) {
    if (bits === null) list.addAddress(address, family);
    else list.addSubnet(address, bits, family);
  }
  return {
    has(address = '') {
      // `fe80::1%eth0` is that address, whichever way it came.
      const bare = address.replace(/%.*$/, '');
      const version = isIP(bare);
      return version !== 0 && list.check(bare, version === 4 ? 'ipv4' : 'ipv6');
    },
  };
}

/** What is wrong with the value; null when nothing is. */
export function trustedProxiesProblem(text: string): string | null {
  const wrong = splitList(text).find((entry) => parseEntry(entry) === null);
  if (wrong === undefined) return null;
  const expected = 'expected addresses and networks, such as 127.0.0.1, 10.0.0.0/8 or fd00::/8';
  return `${expected}; got ${JSON.stringify(wrong)}`;
}

interface Entry {
  readonly address: string;
  /** Of a network; null for one address. */
  readonly bits: number | null;
  readonly family: 'ipv4' | 'ipv6';
}

function parseEntry(text: string): Entry | null {
  const [, address = '', digits] = /^([^/%]+?)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = isIP(address);
  if (version === 0) return null;
  const bits = digits === undefined ? null : Number(digits);
  if (bits !== null && bits > (version === 4 ? 32 : 128)) return null;
  return { address, bits, family: version === 4 ? 'ipv4' : 'ipv6' };
}

function isKnown(entry: Entry | null): entry is Entry {
  return entry !== null;
}
