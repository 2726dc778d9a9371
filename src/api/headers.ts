import type { FastifyReply } from 'fastify';

/** Adds to a header that is a list. */
export function appendHeader(reply: FastifyReply, name: string, item: string): void {
  const before = reply.getHeader(name);
  reply.header(name, before === undefined ? item : `${String(before)}, ${item}`);
}
