/**
 * `/docs`: the description for people. Swagger UI reads `/openapi.json`; beside it stand the events
 * and the errors, which are also there without a script.
 * Its addresses are relative, so that they work below the path of a reverse proxy, too.
 */

type Json = Readonly<Record<string, unknown>>;

export const DOCS_STYLE = `:root { color-scheme: light dark; font: 14px/1.5 system-ui, sans-serif; }
body { margin: 0; }
header, section { max-width: 1420px; margin: 0 auto; padding: 8px 20px; }
h1 { font-size: 22px; }
code { font-family: ui-monospace, monospace; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 4px 12px 4px 0; border-bottom: 1px solid #8884; }
.wide { overflow-x: auto; } tr { scroll-margin: 8px; }
/* The header says it already. */
.swagger-ui .info, .swagger-ui .scheme-container { display: none; }
.swagger-ui .opblock-body { overflow-x: auto; }
.dark-mode body { background: #1c2022; }
`;

/** Swagger UI has no colours of its own for the dark, but a class for them. */
export const DOCS_SCRIPT = `const dark = matchMedia('(prefers-color-scheme: dark)');
const paint = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', paint);
paint();
const place = document.getElementById(location.hash.slice(1));
SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#reference',
  // It would take the name of one of our own places for one of its operations.
  deepLinking: place === null,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  // Asks a server of its makers otherwise.
  validatorUrl: null,
});
// What is above the place that the address names grows while it is drawn.
const keep = new ResizeObserver(() => place?.scrollIntoView());
keep.observe(document.getElementById('reference'));
for (const name of ['pointerdown', 'keydown', 'wheel']) {
  addEventListener(name, () => keep.disconnect(), { once: true });
}
`;

export function formatDocsPage(description: Json): string {
  const info = description.info as Json;
  const events = Object.entries(description['x-events'] as Json).map(([name, schema]) => {
    const { description, properties = {} } = schema as Json;
    const fields = Object.keys(properties as Json).map((field) => `<code>${field}</code>`);
    return `<tr><td><code>${escapeHtml(name)}</code><td>${escapeHtml(description)}<td>${fields.join(', ')}`;
  });
  const errors = Object.entries(description['x-errors'] as Json).map(([code, error]) => {
    const { status, message, remedy } = error as Json;
    return `<tr id="${code}"><td><code>${code}</code><td>${status}<td>${markCode(message)}<td>${markCode(remedy)}`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>isobar: the API</title>
<link rel="icon" href="icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="reference/swagger-ui.css">
<link rel="stylesheet" href="docs.css">
<script src="reference/swagger-ui-bundle.js" defer></script>
<script src="docs.js" defer></script>
</head>
<body>
<header>
<h1>isobar ${escapeHtml(info.version)}: the API</h1>
<p>${escapeHtml(info.summary)} <a href="./">The dashboard</a> · <a href="openapi.json">OpenAPI</a> ·
<a href="#events">Events</a> · <a href="#errors">Errors</a></p>
</header>
<main>
<div id="reference"></div>
<section id="events">
<h2>Events of <code>/api/events</code></h2>
${table(['event', 'when', 'data'], events)}
</section>
<section id="errors">
<h2>Errors</h2>
${table(['code', 'status', 'what is wrong', 'what to do'], errors)}
</section>
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

function table(heads: readonly string[], rows: readonly string[]): string {
  const head = heads.map((name) => `<th scope="col">${name}`).join('');
  return `<div class="wide"><table><thead><tr>${head}</thead><tbody>${rows.join('\n')}</tbody></table></div>`;
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

export function escapeHtml(value: unknown): string {
  return String(value ?? '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** Words between backticks are code. */
export function markCode(value: unknown): string {
  return escapeHtml(value).replace(/`([^`]+)`/g, '<code>$1</code>');
}
