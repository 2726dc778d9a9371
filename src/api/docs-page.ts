/**
 * `/docs`: the description for people, one page without a script, made from the one for programs.
 * Its addresses are relative, so that they work below the path of a reverse proxy, too.
 */

type Json = Readonly<Record<string, unknown>>;

export const DOCS_STYLE = `:root { color-scheme: light dark; font: 14px/1.5 system-ui, sans-serif; }
body { max-width: 960px; margin: 0 auto; padding: 16px; overflow-wrap: anywhere; }
h1 { font-size: 22px; } h2 { margin-top: 2.5em; } h3 { margin-top: 2em; }
code { font-family: ui-monospace, monospace; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 4px 12px 4px 0; border-bottom: 1px solid #8884; }
.wide { overflow-x: auto; } .small { color: GrayText; }
`;

export function formatDocsPage(description: Json): string {
  const info = description.info as Json;
  const sections = listRoutes(description).map(formatRoute).join('\n');
  const schemas = Object.entries((description.components as { schemas: Json }).schemas)
    .map(([name, schema]) => formatSchema(name, schema as Json))
    .join('\n');
  const events = Object.entries(description['x-events'] as Json).map(([name, schema]) => {
    return `<tr><td><code>${escapeHtml(name)}</code><td>${formatType(schema as Json)}`;
  });
  const errors = Object.entries(description['x-errors'] as Json).map(([code, error]) => {
    const { status, message, remedy } = error as Json;
    return `<tr id="${code}"><td><code>${code}</code><td>${status}<td>${escapeHtml(message)}<td>${escapeHtml(remedy)}`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>isobar: the API</title>
<link rel="stylesheet" href="docs.css">
</head>
<body>
<main>
<h1>isobar ${escapeHtml(info.version)}: the API</h1>
<p>${escapeHtml(info.summary)} <a href="./">The dashboard</a> · <a href="openapi.json">OpenAPI</a></p>
<h2 id="routes">Routes</h2>
${sections}
<h2 id="events">Events</h2>
${table(['event', 'data'], events)}
<h2 id="schemas">Schemas</h2>
${schemas}
<h2 id="errors">Errors</h2>
${table(['code', 'status', 'what is wrong', 'what to do'], errors)}
</main>
</body>
</html>
`;
}

interface RouteText {
  readonly method: string;
  readonly path: string;
  readonly operation: Json;
}

export function listRoutes(description: Json): readonly RouteText[] {
  return Object.entries(description.paths as Json).flatMap(([path, methods]) =>
    Object.entries(methods as Json).map(([method, operation]) => {
      return { method: method.toUpperCase(), path, operation: operation as Json };
    }),
  );
}

interface Response {
  readonly content?: Readonly<Record<string, { readonly schema?: Json }>>;
}

/** Status → response. */
export function responsesOf(operation: Json): Readonly<Record<string, Response>> {
  return operation.responses as Record<string, Response>;
}

function formatRoute({ method, path, operation }: RouteText): string {
  const parameters = (operation.parameters ?? []) as readonly Json[];
  const rows = parameters.map(({ name, description, schema }) => {
    return `<tr><td><code>${escapeHtml(name)}</code><td>${formatType(schema as Json)}<td>${markCode(description)}`;
  });
  const content = responsesOf(operation)[200]?.content ?? {};
  const answers = Object.entries(content).map(([type, { schema }]) => {
    return `<code>${escapeHtml(type)}</code>${schema === undefined ? '' : ` ${formatType(schema)}`}`;
  });
  const link = method === 'GET' ? `<a href=".${path}">${path}</a>` : path;
  return `<section>
<h3 id="${escapeHtml(operation.operationId)}"><code>${method} ${link}</code></h3>
<p>${markCode(operation.summary)} ${markCode(operation.description ?? '')}</p>
${rows.length === 0 ? '' : table(['parameter', 'type', 'meaning'], rows)}
<p class="small">Answers: ${answers.join(' · ')}</p>
</section>`;
}

function formatSchema(name: string, schema: Json): string {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, Json>);
  const rows = properties.map(([field, value]) => {
    return `<tr><td><code>${escapeHtml(field)}</code><td>${formatType(value)}<td>${markCode(value.description ?? '')}`;
  });
  return `<section>
<h3 id="schema-${escapeHtml(name)}">${escapeHtml(name)}</h3>
<p>${markCode(schema.description ?? '')}</p>
${rows.length === 0 ? '' : table(['field', 'type', 'meaning'], rows)}
</section>`;
}

function table(heads: readonly string[], rows: readonly string[]): string {
  const head = heads.map((name) => `<th scope="col">${name}`).join('');
  return `<div class="wide"><table><thead><tr>${head}</thead><tbody>${rows.join('\n')}</tbody></table></div>`;
}

function formatType(schema: Json): string {
  const text = describeType(schema);
  return escapeHtml(text).replace(/#(\w+)/g, '<a href="#schema-$1">$1</a>');
}

/** `string (date-time) or null`, `list of #Anomaly` */
export function describeType(schema: Json): string {
  if (typeof schema.$ref === 'string') return `#${schema.$ref.split('/').at(-1)}`;
  if (Array.isArray(schema.anyOf)) return schema.anyOf.map(describeType).join(' or ');
  if (Array.isArray(schema.enum)) return schema.enum.join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === 'array') return `list of ${describeType((schema.items ?? {}) as Json)}`;
  const limits = [
    schema.format,
    schema.minimum === undefined ? undefined : `from ${schema.minimum}`,
    schema.maximum === undefined ? undefined : `to ${schema.maximum}`,
    schema.default === undefined ? undefined : `default ${JSON.stringify(schema.default)}`,
  ].filter((limit) => limit !== undefined);
  const type = String(schema.type ?? 'object');
  return limits.length === 0 ? type : `${type} (${limits.join(', ')})`;
}

function escapeHtml(value: unknown): string {
  return String(value ?? '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** Words between backticks are code. */
function markCode(value: unknown): string {
  return escapeHtml(value).replace(/`([^`]+)`/g, '<code>$1</code>');
}
