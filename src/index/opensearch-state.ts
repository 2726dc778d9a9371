/** The state document of the OpenSearch index, and the numbers of rows of its generation. */
import Type, { type Static } from 'typebox';
import Value from 'typebox/value';
import { type IndexState, replacedMeanwhile } from './anomaly-index.ts';
import { CountsBody, KeptCounts } from './kept-counts.ts';
import type { SearchClient } from './opensearch-client.ts';
import { countsId, StateBody, writingAlias } from './opensearch-documents.ts';

const GetAnswer = Type.Object({
  _index: Type.String(),
  _seq_no: Type.Integer(),
  _primary_term: Type.Integer(),
  _source: Type.Unknown(),
});
export const WriteAnswer = Type.Object({ _seq_no: Type.Integer(), _primary_term: Type.Integer() });

/** The state document, where it is, and which writing of it it was. */
export interface Located {
  readonly name: string;
  readonly seq: Static<typeof WriteAnswer>;
  readonly body: StateBody;
}

/** Null without an index of this format. */
export async function locate(
  client: SearchClient,
  place: string,
  signal?: AbortSignal,
): Promise<Located | null> {
  const answer = await client.ask({
    method: 'GET',
    path: `/${place}/_doc/state`,
    answer: GetAnswer,
    missing: null,
    signal,
  });
  if (answer === null || !Value.Check(StateBody, answer._source)) return null;
  const { _index: name, _source: body, _seq_no, _primary_term } = answer;
  return { name, body, seq: { _seq_no, _primary_term } };
}

/** Null where numbers are not kept. */
export async function readCounts(
  client: SearchClient,
  { name, body }: Located,
  signal?: AbortSignal,
): Promise<KeptCounts | null> {
  const answer = await client.ask({
    method: 'GET',
    path: `/${name}/_doc/${countsId(body.generation)}`,
    answer: GetAnswer,
    missing: null,
    signal,
  });
  const counts = answer?._source;
  return Value.Check(CountsBody, counts) ? KeptCounts.parse(counts) : null;
}

/** Only if it is still what was read; rejects with INDEX_BUSY otherwise. */
export async function writeState(
  client: SearchClient,
  { name, seq }: Located,
  body: StateBody,
  signal?: AbortSignal,
): Promise<Static<typeof WriteAnswer>> {
  const condition = `if_seq_no=${seq._seq_no}&if_primary_term=${seq._primary_term}`;
  const written = await client.ask({
    method: 'PUT',
    path: `/${writingAlias(name)}/_doc/state?require_alias=true&${condition}`,
    body,
    answer: WriteAnswer,
    missing: null,
    signal,
  });
  if (written !== null) return written;
  throw replacedMeanwhile(name);
}

export function stateOf(body: StateBody): IndexState | null {
  if (body.generation === 0) return null;
  const { version, sha256, digests, rows, committed_at } = body;
  return { version, sha256, digests, rows, committedAt: committed_at };
}
