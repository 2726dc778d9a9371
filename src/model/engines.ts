/** What the services are like, as `/api/engines` answers it and the cards of the page show it. */
import { Type } from 'typebox';
import { ENGINE_KINDS } from './engine-figures.ts';
import { number, type Of, orNull, record, text, timeOrNull } from './schema.ts';
import { errorOrNull } from './status.ts';

const FigureStateSchema = Type.Enum(['ok', 'warning', 'failing']);

const ThresholdSchema = record(
  {
    is: Type.Enum(['above', 'below']),
    warning: number('From where it is a warning.'),
    failing: number('From where it fails.'),
  },
  'On which side of which values it is not well.',
);

const TrendSchema = record(
  {
    step_s: Type.Integer({ description: 'Seconds between two values.' }),
    values: Type.Array(Type.Union([Type.Number(), Type.Null()]), {
      description: 'The newest last; null where the service did not answer.',
    }),
  },
  'How it was.',
);

const EngineFigureSchema = record(
  {
    name: text('Stable; ends in the unit.'),
    unit: Type.String(),
    help: Type.String(),
    value: number('The last one known; null when the service does not report it.'),
    threshold: orNull(ThresholdSchema),
    state: FigureStateSchema,
    remedy: orNull(Type.String(), 'What to do; null while it is well.'),
    key: Type.Boolean({ description: 'Whether it is among those to look at first.' }),
    trend: TrendSchema,
  },
  'One figure.',
);

const EnginePartSchema = record(
  {
    kind: Type.Enum(['route', 'broker', 'namenode', 'datanode', 'worker']),
    name: Type.String(),
    note: text('What it is at the moment, such as `active`, `live` or `dead`.'),
    state: FigureStateSchema,
    figures: Type.Record(Type.String(), Type.Union([Type.Number(), Type.Null()])),
  },
  'One of many, such as a DataNode.',
);

export const EngineSchema = record(
  {
    kind: Type.Enum([...ENGINE_KINDS]),
    address: text('Where it is asked; without secrets.'),
    state: Type.Enum(['ok', 'warning', 'failing', 'unreachable'], {
      description: 'The worst of the figures; `unreachable`: the figures are the last ones known.',
    }),
    seen_at: timeOrNull('When it last answered.'),
    age_s: number('Seconds since then.'),
    error: errorOrNull,
    figures: Type.Array(EngineFigureSchema),
    parts: Type.Array(EnginePartSchema, { description: 'At most 50.' }),
  },
  'One service.',
);

export type Engine = Of<typeof EngineSchema>;
export type EngineFigure = Engine['figures'][number];
export type EnginePart = Engine['parts'][number];
export type EngineState = Engine['state'];
