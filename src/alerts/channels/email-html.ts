/** The part of an e-mail with a little form: a table, no images, nothing that is loaded. */
import { escapeHtml } from '../escape.ts';
import type { MessageText } from '../message-text.ts';

const CELL = 'padding:2px 12px 2px 0;vertical-align:top';

export function htmlOf(text: MessageText): string {
  const { warning, summary, facts, evidence, url, acknowledge } = text;
  const rows = facts.map(
    ([name, value]) =>
      `<tr><td style="${CELL};color:#555">${escapeHtml(name)}</td>` +
      `<td style="${CELL}">${escapeHtml(value)}</td></tr>`,
  );
  const values = evidence.map((one) => `<li>${escapeHtml(one)}</li>`);
  return [
    '<!DOCTYPE html>',
    '<html lang="en"><body style="font-family:sans-serif;font-size:14px">',
    ...(warning === null ? [] : [`<p><strong>${escapeHtml(warning)}</strong></p>`]),
    `<p style="font-size:16px">${escapeHtml(summary)}</p>`,
    `<table style="border-collapse:collapse">${rows.join('')}</table>`,
    ...(values.length === 0 ? [] : [`<p>Values:</p><ul>${values.join('')}</ul>`]),
    ...(url === null ? [] : [`<p><a href="${escapeHtml(url)}">Open the incident</a></p>`]),
    ...(acknowledge === null
      ? []
      : [`<p>Acknowledge: <code>${escapeHtml(acknowledge)}</code></p>`]),
    '</body></html>\n',
  ].join('\n');
}
