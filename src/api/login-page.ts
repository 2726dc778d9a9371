/** What a browser shows that comes back from a provider without a login. */
import { escapeHtml, markCode } from './docs-page.ts';
import type { Problem } from './schemas.ts';

export function formatProblemPage(problem: Problem, basePath: string) {
  const { title, detail, remedy, code } = problem;
  const body =
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>isobar: no login</title>' +
    '<meta name="viewport" content="width=device-width">' +
    `<link rel="stylesheet" href="${basePath}/docs.css"><section><h1>${escapeHtml(title)}</h1>` +
    `<p>${escapeHtml(detail)}</p><p>${markCode(remedy)}</p><p><code>${escapeHtml(code)}</code></p>` +
    `<p><a href="${basePath}/">Back to the page</a></p></section></html>`;
  return { type: 'text/html; charset=utf-8', body };
}
