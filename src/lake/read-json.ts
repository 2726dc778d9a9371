/** JSON files of the lake: read whole, up to a limit, and never trusted. */
import { IsobarError, isErrorCode } from '../errors.ts';
import type { Storage } from './storage.ts';

/** Of one file: a publication of 200,000 cities has 4 MiB. */
const JSON_BYTES_MAX = 64 * 1024 * 1024;

/**
 * What the file holds, undefined when there is none. Rejects with TABLE_CORRUPT when it is not
 * JSON, FILE_NOT_REGULAR or FILE_TOO_LARGE, and as the storage does.
 */
export async function readJson(
  storage: Pick<Storage, 'read'>,
  path: string,
  bytesMax = JSON_BYTES_MAX,
): Promise<unknown> {
  let bytes: Uint8Array;
  try {
    bytes = await storage.read(path, undefined, bytesMax);
  } catch (error) {
    if (isErrorCode(error, 'LAKE_MISSING')) return undefined;
    throw error;
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new IsobarError('TABLE_CORRUPT', `${path}: it is not JSON`, { cause: error });
  }
}
