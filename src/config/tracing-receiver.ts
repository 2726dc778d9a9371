/** Where spans go: the address and the headers, as OpenTelemetry's own variables have them. */

const PATH = 'v1/traces';
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(.*)$/;
const OWN = ['content-type', 'content-length', 'host', 'user-agent', 'transfer-encoding'];

/** `http://127.0.0.1:4318` → `http://127.0.0.1:4318/v1/traces`; a whole address stays. */
export function tracesUrl(address: string): string {
  const base = address.replace(/\/+$/, '');
  return base.endsWith(`/${PATH}`) ? base : `${base}/${PATH}`;
}

/**
 * `name=value,name=value`, with `%2C` for a comma in a value (OTEL_EXPORTER_OTLP_HEADERS); null when
 * the text is something else.
 */
export function parseHeaders(text: string): Readonly<Record<string, string>> | null {
  const headers: Record<string, string> = {};
  if (text.trim() === '') return headers;
  for (const one of text.split(',')) {
    const [, name, value = ''] = HEADER.exec(one.trim()) ?? [];
    if (name === undefined || OWN.includes(name.toLowerCase())) return null;
    const decoded = decode(value.trim());
    if (decoded === null) return null;
    headers[name.toLowerCase()] = decoded;
  }
  return headers;
}

/** Null for what no header can hold. */
function decode(value: string): string | null {
  try {
    const decoded = decodeURIComponent(value);
    return /^[\x20-\x7e]*$/.test(decoded) ? decoded : null;
  } catch {
    return null;
  }
}

/** What is wrong with the text; nothing of it is repeated. */
export function headersProblem(text: string): string | null {
  if (parseHeaders(text) !== null) return null;
  return 'expected name=value, several separated by commas, such as api-key=…, with %2C for a comma in a value';
}

/** Masking a shorter value would tear other texts to pieces. */
const SECRET_CHARACTERS_MIN = 8;

/** The values that must not be seen. */
export function headerSecrets(text: string): readonly string[] {
  const values = Object.values(parseHeaders(text) ?? {});
  return values.filter(({ length }) => length >= SECRET_CHARACTERS_MIN);
}
