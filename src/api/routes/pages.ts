/** `/` and the files of the page, `/docs`, `/openapi.json`. */
import { gzipSync } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { acceptedCodings, acceptsGzip } from '../answers.ts';
import type { ApiContext } from '../context.ts';
import { DOCS_SCRIPT, DOCS_STYLE, formatDocsPage } from '../docs-page.ts';
import { isKnown, strongEtag } from '../etag.ts';
import { formatOpenApi } from '../openapi.ts';
import { openSite, type Site } from '../site.ts';

const NOT_BUILT =
  '<!doctype html><html lang="en"><meta charset="utf-8"><title>isobar</title>' +
  '<h1>The page has not been built</h1><p>Run <code>npm run build:web</code>, then reload. ' +
  'The API is there: <a href="docs">/docs</a>.</p></html>';

export function addPageRoutes(
  app: FastifyInstance,
  { webFolder, version, config }: Pick<ApiContext, 'webFolder' | 'version' | 'config'>,
): void {
  const site = webFolder === null ? null : openSite(webFolder);
  const description = formatOpenApi(version, config.base_path);
  const json = JSON.stringify(description, null, 1);
  const page = formatDocsPage(description);

  app.get('/openapi.json', fixed('application/json; charset=utf-8', json));
  app.get('/docs', fixed('text/html; charset=utf-8', page));
  app.get('/docs.css', fixed('text/css; charset=utf-8', DOCS_STYLE));
  app.get('/docs.js', fixed('text/javascript; charset=utf-8', DOCS_SCRIPT));

  app.get('/', async (request, reply) => {
    if (site !== null && (await sendFile(site, '/', request, reply))) return reply;
    return reply.code(503).header('cache-control', 'no-store').type('text/html').send(NOT_BUILT);
  });
  app.get('/*', async (request, reply) => {
    const path = request.url.split('?')[0] ?? '';
    if (site !== null && (await sendFile(site, path, request, reply))) return reply;
    return reply.callNotFound();
  });
}

async function sendFile(
  site: Site,
  path: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<boolean> {
  const file = await site.find(path);
  if (file === null) return false;
  reply
    .header('etag', file.etag)
    .header('vary', 'accept-encoding')
    .header('cache-control', file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache')
    .type(file.type);
  if (isKnown(request.headers['if-none-match'], file.etag)) {
    await reply.code(304).send();
    return true;
  }
  const accepted = acceptedCodings(request.headers['accept-encoding']);
  for (const coding of ['br', 'gzip'] as const) {
    const encoded = accepted.has(coding) ? file.encoded[coding] : null;
    if (encoded === null) continue;
    await reply.header('content-encoding', coding).send(encoded);
    return true;
  }
  await reply.send(file.bytes);
  return true;
}

/** A handler for a text that stays the same as long as this process runs. */
function fixed(type: string, text: string) {
  const bytes = Buffer.from(text, 'utf8');
  const compressed = gzipSync(bytes);
  const etag = strongEtag(bytes);
  return async (request: FastifyRequest, reply: FastifyReply) => {
    reply
      .header('etag', etag)
      .header('cache-control', 'no-cache')
      .header('vary', 'accept-encoding');
    if (isKnown(request.headers['if-none-match'], etag)) return reply.code(304).send();
    reply.type(type);
    if (!acceptsGzip(request.headers['accept-encoding'])) return reply.send(bytes);
    return reply.header('content-encoding', 'gzip').send(compressed);
  };
}
