import { Type } from 'typebox';
import { section, whole } from './section.ts';

export const ALERTS = section(
  'Rules that watch the weather and the pipeline, and messages about incidents.',
  {
    enabled: Type.Boolean({ default: true, description: 'Whether rules are evaluated.' }),
    file: Type.String({
      default: '',
      description:
        'YAML file with channels and rules (docs/alerts.md); without it the built-in rules open ' +
        'incidents and nothing is sent.',
    }),
    interval_s: whole(10, 1, 3_600, 'Seconds between two looks at the state of the system.'),
    page_url: Type.String({
      default: '',
      description:
        'Address of the page for links in messages, such as https://weather.example.org.',
    }),
    keep_days: whole(1_825, 1, 36_500, 'Days that resolved incidents are kept.'),
  },
);
