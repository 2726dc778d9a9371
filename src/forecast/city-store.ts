/** The forecasters of all cities as their thread works on them, and their states in a folder. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asIsobarError, IsobarError, translateFileError } from '../errors.ts';
import { reachFaultPoint } from '../fault.ts';
import { readRegularFileSync } from '../regular-file.ts';
import { CityForecaster, type Newest } from './city-forecaster.ts';
import { corrupt, sealed, unsealed } from './sealed.ts';
import { copyState, restoreState } from './state.ts';

/** Of one state: some 1.4 MB. */
const STATE_BYTES_MAX = 64 * 1024 * 1024;
const NUMBER_BYTES = 8;
const DRAFT_END = '.new';
/** A draft that is older was left by a process that was killed. */
const DRAFT_AGE_MS = 60 * 60_000;

/** What became of a state that was looked for. */
export type Opened =
  | { readonly state: 'missing' }
  | { readonly state: 'damaged'; readonly why: string }
  | ({ readonly state: 'there' } & Newest);

export class CityStore {
  readonly #folder: string;
  readonly #cities = new Map<string, CityForecaster>();
  #isTidy = false;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Goes on from the city's state; one that cannot be used is as good as missing. */
  open(city: string): Opened {
    const path = this.#pathOf(city);
    const forecaster = new CityForecaster();
    try {
      const bytes = readRegularFileSync(path, { bytesMax: STATE_BYTES_MAX });
      const { header, body } = unsealed('forecaster', path, bytes);
      if (header.city_id !== city) throw corrupt(path, 'another city');
      const numbers = new Float64Array(body.length / NUMBER_BYTES);
      Buffer.from(numbers.buffer).set(body);
      if (!restoreState(forecaster, numbers)) {
        throw corrupt(path, 'it is of another length');
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { state: 'missing' };
      return { state: 'damaged', why: asIsobarError(error).message };
    }
    this.#cities.set(city, forecaster);
    return { state: 'there', ...forecaster.newest() };
  }

  /** Begins anew. */
  begin(city: string): void {
    this.#cities.set(city, new CityForecaster());
  }

  feed(city: string, first: number, values: Float64Array): void {
    this.#of(city).feed(first, values);
  }

  newest(city: string): Newest {
    return this.#of(city).newest();
  }

  hindcasts(city: string): ReturnType<CityForecaster['hindcasts']> {
    return this.#of(city).hindcasts();
  }

  /** Keeps the city's state; the old one is replaced at once, or not at all. */
  save(city: string): void {
    const path = this.#pathOf(city);
    // Two processes may work on one folder while the lease of one runs out.
    const draft = `${path}.${process.pid}-${randomUUID()}${DRAFT_END}`;
    const numbers = copyState(this.#of(city));
    const body = Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    try {
      mkdirSync(this.#folder, { recursive: true });
      this.#removeOldDrafts();
      writeFileSync(draft, sealed('forecaster', { city_id: city }, body), { flush: true });
      reachFaultPoint('forecast.before-state');
      renameSync(draft, path);
    } catch (error) {
      rmSync(draft, { force: true });
      throw translateFileError(error, path, 'DATA_UNWRITABLE');
    }
  }

  forget(city: string): void {
    this.#cities.delete(city);
    rmSync(this.#pathOf(city), { force: true });
  }

  close(): void {
    this.#cities.clear();
  }

  #removeOldDrafts(): void {
    if (this.#isTidy) return;
    for (const name of readdirSync(this.#folder)) {
      if (!name.endsWith(DRAFT_END)) continue;
      const path = join(this.#folder, name);
      const found = statSync(path, { throwIfNoEntry: false });
      if (found && Date.now() - found.mtimeMs > DRAFT_AGE_MS) rmSync(path, { force: true });
    }
    this.#isTidy = true;
  }

  #of(city: string): CityForecaster {
    const found = this.#cities.get(city);
    if (found === undefined) throw new IsobarError('FORECAST_FAILED', `${city}: it was not begun`);
    return found;
  }

  #pathOf(city: string): string {
    return join(this.#folder, `${encodeURIComponent(city)}.state`);
  }
}
