import type { EngineKind, FigureState, FigureValues, PartKind } from '../model/engine-figures.ts';
import type { Engine } from '../model/engines.ts';

/**
 * A probe asks one service how it is.
 *
 * It is asked every few seconds, and again only after the last question has ended. It keeps what it
 * needs to compare two looks, changes nothing in the service, and tries nothing twice: the next look
 * comes soon. After closing it is not asked any more.
 */
export interface EngineProbe<K extends EngineKind = EngineKind> extends AsyncDisposable {
  readonly kind: K;

  /** Where the service is asked; without secrets. */
  readonly address: string;

  /**
   * The figures of the service now. One that it does not report is null. Ends soon after the signal
   * aborts. Rejects with SERVICE_UNREACHABLE when the service does not answer, with SERVICE_ANSWER
   * when what it answers is not understood, and with the errors of the log's client.
   */
  read(signal: AbortSignal): Promise<Reading<K>>;
}

export interface Reading<K extends EngineKind = EngineKind> {
  readonly figures: FigureValues<K>;
  /** At most `PARTS_MAX`. */
  readonly parts: readonly ReadPart[];
}

export interface ReadPart {
  readonly kind: PartKind;
  readonly name: string;
  /** `active`, `live`, `dead` */
  readonly note: string;
  readonly state: FigureState;
  readonly figures: Readonly<Record<string, number | null>>;
}

/** The services as they were when they last answered. */
export interface Engines {
  readonly intervalSeconds: number;
  /** In the order of the table of figures. */
  list(): readonly Engine[];
  /** Asks this one too, from now on; closes it with the others. */
  add(probe: EngineProbe): void;
}
