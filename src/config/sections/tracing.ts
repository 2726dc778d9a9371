import { Type } from 'typebox';
import { AUTHORITY, section, whole } from './section.ts';

export const TRACING = section(
  'Spans of each observation’s way, for a receiver of OpenTelemetry.',
  {
    otlp_url: Type.String({
      default: '',
      description:
        'Address of a receiver of OTLP over HTTP, such as http://127.0.0.1:4318; empty means that ' +
        'nothing is exported.',
    }),
    headers: Type.String({
      default: '',
      description: 'Headers for it, name=value, separated by commas; %2C is a comma in a value.',
      secret: true,
    }),
    tls_authority: Type.String({ default: '', description: AUTHORITY }),
    sample_pct: Type.Number({
      default: 100,
      minimum: 0,
      maximum: 100,
      description: 'Share of the traces that are exported, %; all processes choose the same ones.',
    }),
    timeout_s: whole(10, 1, 300, 'Seconds until an export without an answer is given up.'),
  },
);
