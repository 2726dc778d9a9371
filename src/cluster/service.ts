/** A service: one process of the cluster, described and then run. */

export interface ServiceSpec {
  /** `kafka-1`, `namenode-2`; also the folder of its configuration, data and output. */
  readonly name: string;
  /** Files to write before each start, relative to the service's folder. */
  readonly files: Readonly<Record<string, string>>;
  /** What is run; `java` by default. */
  readonly program?: string;
  /** What it gets: for `java` options, class path, main class, arguments. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Formats of storage and the like, once, before the first start: what the program gets each time. */
  readonly prepare?: readonly (readonly string[])[];
  /** The same once it was ready for the first time, such as folders to make in it. */
  readonly finish?: readonly Run[];
  /** Whether it is ready to be used; false or a rejection means not yet. */
  readonly ready: (probe: Probe) => Promise<boolean>;
  /** Does not start with the cluster, only by name. */
  readonly spare?: boolean;
}

/** The service's program once more, with other arguments. */
export interface Run {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Questions that a readiness check may ask. */
export interface Probe {
  /** Whether something listens at this port of 127.0.0.1. */
  listens(port: number): Promise<boolean>;
  /** The body of a 200, else null. */
  get(url: string): Promise<string | null>;
  /** Whether the output since this start has the words. */
  said(words: string): Promise<boolean>;
}

export type ServiceState = 'absent' | 'starting' | 'ready' | 'stopped' | 'failed';

export interface ServiceStatus {
  readonly name: string;
  readonly state: ServiceState;
  readonly pid: number | null;
  /** Its output on this machine. */
  readonly output: string;
  readonly starts: number;
}
