import { Type } from 'typebox';
import { section, whole } from './section.ts';

export const HEALTH = section(
  'A port of each process for probes, such as those of Kubernetes: GET /livez and /readyz.',
  {
    host: Type.String({ default: '127.0.0.1', description: 'Address to listen on.' }),
    port: whole(0, 0, 65_535, 'Port to listen on; 0 means none.'),
  },
);
