import { Type } from 'typebox';
import { AUTHORITY, choice, section, whole } from './section.ts';

export const INDEX = section('The index that searches the anomalies.', {
  engine: choice(
    ['sqlite', 'opensearch'],
    'sqlite',
    'Where the index is kept: a file of the data folder, or OpenSearch.',
  ),
  opensearch: section('The index on OpenSearch.', {
    url: Type.String({
      default: 'http://127.0.0.1:9200',
      format: 'uri',
      description: 'Address of a node, or of what stands in front of several.',
    }),
    user: Type.String({ default: '', description: 'User name; empty means no login.' }),
    password: Type.String({ default: '', description: 'Password to log in with.', secret: true }),
    tls_authority: Type.String({ default: '', description: AUTHORITY }),
    prefix: Type.String({
      default: 'isobar',
      pattern: '^[a-z][a-z0-9_-]{0,63}$',
      description: 'Beginning of the names of our indexes; several data folders need several.',
    }),
    replicas: whole(0, 0, 16, 'Further copies of the index.'),
    timeout_s: whole(10, 1, 300, 'Seconds until a request without an answer is given up.'),
  }),
});
