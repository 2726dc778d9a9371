/** The index on a real OpenSearch: the contract. */
import { randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import { openIndex } from '../../src/index/open.ts';
import { describeIndex, type IndexPlace } from '../../src/index/testing/contract.ts';
import { absent, service } from './services.ts';

const opensearch = service('opensearch');

if (opensearch === null) describe('the index in OpenSearch', () => it.skip(absent('opensearch')));
else describeIndex('OpenSearch', () => makePlace(opensearch.url), { sets: 8, questions: 12 });

async function makePlace(url: string): Promise<IndexPlace> {
  const prefix = `test-${randomUUID()}`;
  const { index } = loadConfig({
    file: null,
    env: {},
    flags: {
      'index.engine': 'opensearch',
      'index.opensearch.url': url,
      'index.opensearch.prefix': prefix,
    },
  }).config;
  return {
    open: () => openIndex(index, '', false),
    async [Symbol.asyncDispose]() {
      await fetch(`${url}/${prefix}-*`, { method: 'DELETE' });
    },
  };
}
