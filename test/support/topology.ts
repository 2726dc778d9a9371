/** The chart's table of roles, services and arrows, read by itself and not through the templates. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { CHART, settingIn, type Values } from './helm.ts';

export interface Condition {
  readonly setting?: string;
  readonly is?: string;
  readonly secret?: string;
}

interface Role {
  readonly command: readonly string[];
  readonly state: boolean;
  readonly when?: readonly Condition[];
}

interface Service {
  readonly title: string;
  readonly zone: 'front' | 'engines' | 'administration' | 'operation' | 'internet';
  readonly ports: readonly number[];
  readonly protocols?: readonly ('TCP' | 'UDP')[];
  readonly settings?: readonly string[];
  readonly secrets?: readonly string[];
  readonly optional?: boolean;
}

interface Arrow {
  readonly to: string;
  readonly from: readonly string[];
  readonly when?: readonly Condition[];
}

interface Caller {
  readonly title: string;
  readonly zone: Service['zone'];
  readonly to: string;
}

export interface Topology {
  readonly roles: Readonly<Record<string, Role>>;
  readonly services: Readonly<Record<string, Service>>;
  readonly callers: Readonly<Record<string, Caller>>;
  readonly arrows: readonly Arrow[];
}

export function readTopology(): Topology {
  return parse(readFileSync(join(CHART, 'topology.yaml'), 'utf8')) as Topology;
}

/** Whether one of the conditions holds, or there are none. */
export function holds(when: readonly Condition[] | undefined, values: Values): boolean {
  return (
    when === undefined ||
    when.some(({ setting, is, secret }) => {
      if (secret !== undefined) return secret in values.secrets;
      const value = settingIn(values, setting ?? '');
      return is === undefined ? Boolean(value) : value === is;
    })
  );
}

/** Roles that run with these values. */
export function rolesIn(topology: Topology, values: Values): string[] {
  return Object.entries(topology.roles)
    .filter(([name, { when }]) => values.roles[name]?.enabled === true && holds(when, values))
    .map(([name]) => name);
}

/** Services that a role connects to with these values. */
export function servicesOf(topology: Topology, role: string, values: Values): string[] {
  return topology.arrows
    .filter(({ from, when }) => from.includes(role) && holds(when, values))
    .map(({ to }) => to);
}
