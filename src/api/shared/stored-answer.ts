/**
 * An answer as the shared cache keeps it:
 *
 *     value = SHA-256 of all that follows (32 bytes) · length of the head (4, big-endian) · head · body
 *     head  = {"key":…,"facts":…,"length":…,"deflated":true} as JSON; facts are null for an answer
 *             that is too large to be shared
 *     body  = the tail, as it is or as deflate blocks
 */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { inflateRaw } from 'node:zlib';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { record } from '../../model/schema.ts';
import type { Product } from '../answers.ts';
import { FactsSchema } from '../facts.ts';
import { deflatedFrom } from '../splicing.ts';

/** Another number whenever what is stored changes its shape or its meaning. */
export const SHAPE = 1;

const DIGEST_BYTES = 32;
const HEAD_AT = DIGEST_BYTES + 4;
/** Of a tail, which is serialised in one piece. */
const TAIL_BYTES_MAX = 256 * 1024 * 1024;

const HeadSchema = record(
  {
    key: Type.String(),
    facts: Type.Union([FactsSchema, Type.Null()]),
    length: Type.Integer({ minimum: 0, maximum: TAIL_BYTES_MAX }),
    deflated: Type.Boolean(),
  },
  'The head of a stored answer.',
);
type Head = Static<typeof HeadSchema>;

const inflate = promisify<Buffer, object, Buffer>(inflateRaw);

/** The whole question, in words: another one never gets this answer. */
export type AnswerKey = string;

export async function formatAnswer(key: AnswerKey, product: Product): Promise<Buffer> {
  const { facts, tail } = product;
  const deflated = await product.deflated;
  const head = { key, facts, length: tail.length, deflated: deflated !== null };
  return join(head as Head, deflated?.blocks ?? tail);
}

/** Stands for an answer that is too large, so that no server waits for it. */
export function formatTooLarge(key: AnswerKey): Buffer {
  return join({ key, facts: null, length: 0, deflated: false }, Buffer.alloc(0));
}

/** The answer, `too large`, or null for bytes that are not the answer to this question. */
export async function parseAnswer(
  key: AnswerKey,
  bytes: Buffer,
): Promise<Product | 'too large' | null> {
  const head = parseHead(bytes);
  if (head === null || head.key !== key) return null;
  if (head.facts === null) return 'too large';
  // A copy: the bytes are a part of a larger buffer that would be kept with them.
  const body = Buffer.from(bytes.subarray(HEAD_AT + bytes.readUInt32BE(DIGEST_BYTES)));
  const { facts, length, deflated } = head;
  const limit = { maxOutputLength: length + 1 };
  const tail = deflated ? await inflate(body, limit).catch(() => null) : body;
  if (tail === null || tail.length !== length) return null;
  return { facts, tail, deflated: deflated ? deflatedFrom(tail, body) : null };
}

function parseHead(bytes: Buffer): Head | null {
  if (
    bytes.length < HEAD_AT ||
    !digest(bytes.subarray(DIGEST_BYTES)).equals(bytes.subarray(0, DIGEST_BYTES))
  ) {
    return null;
  }
  const length = bytes.readUInt32BE(DIGEST_BYTES);
  try {
    const head: unknown = JSON.parse(bytes.toString('utf8', HEAD_AT, HEAD_AT + length));
    return Value.Check(HeadSchema, head) ? head : null;
  } catch {
    return null;
  }
}

function join(head: Head, body: Buffer): Buffer {
  const text = Buffer.from(JSON.stringify(head), 'utf8');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  const rest = Buffer.concat([length, text, body]);
  return Buffer.concat([digest(rest), rest]);
}

function digest(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
