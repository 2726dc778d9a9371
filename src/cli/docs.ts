/** Writes the pages that come from the code: `npm run docs`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatRulesDocument } from '../alerts/rules-document.ts';
import { formatApiDocument } from '../api/api-document.ts';
import { formatColumnsDocument } from '../api/columns-document.ts';
import { formatRules } from '../api/metric-rules.ts';
import { formatMetricsDocument } from '../api/metrics-document.ts';
import { OBSERVATION_COLUMNS } from '../table/table.ts';
import { formatChartSchema } from './chart-schema.ts';
import { formatConfigurationPage, formatErrorsPage, formatSampleConfiguration } from './pages.ts';

const docs = join(import.meta.dirname, '..', '..', 'docs');
writeFileSync(join(docs, 'configuration.md'), formatConfigurationPage());
writeFileSync(join(docs, 'errors.md'), formatErrorsPage());
writeFileSync(join(docs, 'api.md'), formatApiDocument());
writeFileSync(join(docs, 'alert-rules.md'), formatRulesDocument());
writeFileSync(join(docs, 'metrics.md'), formatMetricsDocument());
writeFileSync(join(docs, 'columns.md'), formatColumnsDocument(OBSERVATION_COLUMNS));
writeFileSync(join(docs, '..', 'examples', 'isobar.yaml'), formatSampleConfiguration());
writeFileSync(join(docs, '..', 'examples', 'prometheus', 'isobar.rules.yml'), formatRules());

const chartSchema = join(docs, '..', 'deploy', 'helm', 'isobar', 'values.schema.json');
writeFileSync(chartSchema, formatChartSchema(readFileSync(chartSchema, 'utf8')));
