/** The part of the Helm chart's `values.schema.json` that comes from the settings. */
import { SECTIONS, SETTINGS, type Setting } from '../config/settings.ts';

interface Node {
  readonly [key: string]: unknown;
}

/** The template sets it. */
const SET_BY_THE_CHART = ['data', 'alerts.file'];

/** `base` with what `config` and `secrets` may hold, as text. */
export function formatChartSchema(base: string): string {
  const schema = JSON.parse(base) as { properties: Record<string, Node> };
  const names = SETTINGS.filter(({ secret }) => secret).map(({ path }) => path);
  schema.properties.config = configNode('');
  schema.properties.secrets = { ...schema.properties.secrets, propertyNames: { enum: names } };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

function configNode(folder: string): Node {
  const inFolder = (path: string) => path.split('.').slice(0, -1).join('.') === folder;
  const name = (path: string) => path.split('.').at(-1) ?? '';
  const settings = SETTINGS.filter(
    ({ path, secret }) => inFolder(path) && !secret && !SET_BY_THE_CHART.includes(path),
  );
  const sections = SECTIONS.filter(({ path }) => inFolder(path));
  const properties = Object.fromEntries([
    ...settings.map((setting) => [name(setting.path), settingNode(setting)]),
    ...sections.map(({ path, description }) => [name(path), { description, ...configNode(path) }]),
  ]);
  return { type: 'object', additionalProperties: false, properties };
}

function settingNode({ type, choices, minimum, maximum, description }: Setting): Node {
  if (type === 'choice') return { description, enum: choices };
  return {
    description,
    type,
    ...(minimum === null ? {} : { minimum }),
    ...(maximum === null ? {} : { maximum }),
  };
}
