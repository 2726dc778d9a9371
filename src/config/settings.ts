/** The settings of the schema, one by one, with the names under which each can be set. */
import { ConfigSchema } from './schema.ts';

export interface Setting {
  /** `api.port` */
  readonly path: string;
  /** `ISOBAR_API_PORT` */
  readonly variable: string;
  readonly description: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'choice';
  readonly choices: readonly string[];
  readonly default: unknown;
  readonly minimum: number | null;
  readonly maximum: number | null;
  readonly secret: boolean;
}

export interface Section {
  readonly path: string;
  readonly description: string;
}

interface SchemaNode {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
  readonly secret?: boolean;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
}

export const SETTINGS: readonly Setting[] = walk(
  ConfigSchema as unknown as SchemaNode,
  '',
).settings;
export const SECTIONS: readonly Section[] = walk(
  ConfigSchema as unknown as SchemaNode,
  '',
).sections;

export function settingOf(path: string): Setting | undefined {
  return SETTINGS.find((setting) => setting.path === path);
}

/** `collector.budget.per_day` → `ISOBAR_COLLECTOR_BUDGET_PER_DAY` */
function variableOf(path: string): string {
  return `ISOBAR_${path.replaceAll('.', '_').toUpperCase()}`;
}

/** Text as a variable or a flag gives it → the setting's type; a text that does not fit stays. */
export function parseText(setting: Setting, text: string): unknown {
  if (setting.type === 'integer') return /^\s*[+-]?\d{1,15}\s*$/.test(text) ? Number(text) : text;
  if (setting.type === 'number') {
    return /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : text;
  }
  if (setting.type !== 'boolean') return text;
  if (['true', 'yes', 'on', '1'].includes(text.toLowerCase())) return true;
  return ['false', 'no', 'off', '0'].includes(text.toLowerCase()) ? false : text;
}

function walk(node: SchemaNode, path: string): { settings: Setting[]; sections: Section[] } {
  const settings: Setting[] = [];
  const sections: Section[] = [];
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    const at = path === '' ? name : `${path}.${name}`;
    if (child.properties !== undefined) {
      const inner = walk(child, at);
      sections.push({ path: at, description: child.description ?? '' }, ...inner.sections);
      settings.push(...inner.settings);
    } else {
      settings.push(settingFrom(child, at));
    }
  }
  return { settings, sections };
}

function settingFrom(node: SchemaNode, path: string): Setting {
  const type = node.enum === undefined ? (node.type as Setting['type']) : 'choice';
  return {
    path,
    variable: variableOf(path),
    description: node.description ?? '',
    type,
    choices: node.enum ?? [],
    default: node.default,
    minimum: node.minimum ?? null,
    maximum: node.maximum ?? null,
    secret: node.secret === true,
  };
}
