/** Countries' English names → ISO 3166-1 alpha-2 codes, as the runtime's own data has them. */
const LETTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];

let codes: Map<string, string> | null = null;

/** `United States` → `US`; a text that is not the name of a country stays as it is. */
export function countryCode(name: string): string {
  codes ??= readCodes();
  return codes.get(name.trim().toLowerCase()) ?? name.trim();
}

function readCodes(): Map<string, string> {
  const names = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' });
  const found = new Map<string, string>();
  for (const first of LETTERS) {
    for (const second of LETTERS) {
      const code = first + second;
      // A former code, such as DD, goes by the name of the country that is there now.
      if (Intl.getCanonicalLocales(`und-${code}`)[0] !== `und-${code}`) continue;
      const name = names.of(code);
      if (name !== undefined && !found.has(name.toLowerCase())) found.set(name.toLowerCase(), code);
    }
  }
  return found;
}
