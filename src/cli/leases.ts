/** The processes that hold a lease, as a table for people: one line each. */
import type { LeaseStatus } from '../model/status.ts';
import { formatTable } from './environment.ts';

/** Empty without leases. `now` is in milliseconds since 1970. */
export function formatLeases(leases: readonly LeaseStatus[], now: number): string {
  if (leases.length === 0) return '';
  const byProcess = Map.groupBy(leases, ({ host, pid, command }) => `${host} ${pid} ${command}`);
  const rows = [...byProcess.values()].map((own) => formatProcess(own, now));
  const header = ['process', 'host', 'pid', 'does', 'since', 'last sign'];
  return formatTable([header, ...rows.sort(byText)], [2]);
}

function formatProcess(own: readonly LeaseStatus[], now: number): string[] {
  const [first] = own;
  const since = own.map((lease) => lease.since).sort()[0] ?? '';
  const lastSign = Math.max(...own.map(({ last_sign_at }) => Date.parse(last_sign_at)));
  const seconds = Math.max(0, Math.round((now - lastSign) / 1_000));
  const isSilent = own.every(({ state }) => state === 'silent');
  return [
    first?.command ?? '',
    first?.host ?? '',
    String(first?.pid ?? ''),
    formatParts(own, isSilent),
    since.replace(/\.\d+Z$/, 'Z'),
    `${seconds} s ago${isSilent ? ', silent' : ''}`,
  ];
}

/** `lands partitions 0, 2; maintains the table` */
function formatParts(own: readonly LeaseStatus[], isSilent: boolean): string {
  const has = (role: LeaseStatus['role']) => own.some((lease) => lease.role === role);
  const parts: string[] = [];
  // What a silent one offered to do, it does not.
  if (has('collect')) parts.push('polls the provider');
  const partitions = own.filter(({ role }) => role === 'partition').map(({ number }) => number);
  if (partitions.length > 0) {
    const numbers = partitions.sort((a, b) => a - b).join(', ');
    parts.push(`lands partition${partitions.length > 1 ? 's' : ''} ${numbers}`);
  } else if (has('land') && !isSilent) parts.push('stands by to land');
  if (has('analyze')) parts.push('computes the analytics');
  if (has('export')) parts.push('exports raw files');
  if (has('maintain')) parts.push('maintains the table');
  if (has('alert')) parts.push('evaluates alert rules');
  if (has('stream')) parts.push('runs the stream');
  if (has('forecast')) parts.push('makes forecasts');
  if (has('index')) parts.push('writes the index');
  if (has('serve')) parts.push('serves');
  if (has('import')) parts.push('imports');
  return parts.length === 0 ? 'nothing' : parts.join('; ');
}

function byText(a: readonly string[], b: readonly string[]): number {
  return a.join(' ') < b.join(' ') ? -1 : 1;
}
