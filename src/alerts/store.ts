/**
 * The store of alerts: incidents, tracks, silences and the outbox. A change of an incident and its
 * messages are one step, so that whatever dies, an incident is opened once and each of its messages
 * waits exactly once.
 */
import type { Incident, IncidentCounts, IncidentState } from '../model/alerts.ts';
import type { DueMessage, Silence } from './messages.ts';
import type { OutboxStore } from './outbox-store.ts';
import type { Track } from './track.ts';

export interface StoredTrack {
  readonly rule: string;
  readonly version: string;
  readonly subject: string;
  readonly track: Track;
}

export interface IncidentFilter {
  readonly states?: readonly IncidentState[];
  readonly rule?: string;
  readonly cities?: readonly string[];
  /** ISO 8601: opened at or after, and before. */
  readonly from?: string;
  readonly to?: string;
  /** Those after this one in the order of the list. */
  readonly after?: { readonly openedAt: string; readonly incidentId: string };
  readonly limit: number;
}

/** What one pass of the evaluation changes. */
export interface AlertChange {
  /** New ones, and those that changed; each as a whole. */
  readonly incidents: readonly Incident[];
  readonly messages: readonly (DueMessage & { readonly incidentId: string })[];
  /** All tracks that are not clear; null leaves them as they are. */
  readonly tracks: readonly StoredTrack[] | null;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface WaitingMessages {
  readonly channel: string;
  readonly waiting: number;
  readonly problem: string | null;
}

export interface AlertStore extends OutboxStore, Disposable {
  /** Newest first. */
  incidents(filter: IncidentFilter): Incident[];
  incident(id: string): Incident | null;
  /** Those that are not resolved. */
  active(): Incident[];
  /** Of these cities; without any, of all incidents. */
  counts(cities?: readonly string[]): IncidentCounts;
  tracks(): StoredTrack[];
  apply(change: AlertChange): Promise<void>;
  /** Joins what other processes know; messages of theirs are not sent again. */
  join(incidents: readonly Incident[]): Promise<void>;
  /** Changed since they were last marked as shared, with the revision to mark. */
  unshared(limit: number): { readonly incident: Incident; readonly revision: number }[];
  markShared(shared: readonly { readonly id: string; readonly revision: number }[]): Promise<void>;
  silences(now: number): Silence[];
  silence(silence: Silence): Promise<void>;
  endSilence(id: string, at: number): Promise<boolean>;
  waiting(): WaitingMessages[];
  /** Removes resolved incidents that were opened before, with their messages. */
  forget(before: string): Promise<number>;
}
