/**
 * The storage: the lake's files.
 *
 * Paths are relative, with `/`, of segments that are neither empty nor `.` or `..`, without control
 * characters, `:` and `\`; others are refused with PARAMETER_INVALID. Folders come and go by
 * themselves; a name is a file's or a folder's. A file is seen under its name whole or not at all,
 * also after a crash, also when an upload was cut. All methods reject with LAKE_UNAVAILABLE when
 * the engine cannot be reached (try again), DISK_FULL when no space is left, DATA_UNWRITABLE when
 * writing is not allowed, or an error of the engine's own (LAKE_…) that names what is to be done;
 * after such a rejection of a write the file is there whole or not at all.
 */
export interface Storage extends AsyncDisposable {
  /**
   * The whole file. Rejects with LAKE_MISSING when there is none, FILE_NOT_REGULAR when a pipe or a
   * device has its name, FILE_TOO_LARGE above `bytesMax` (2 GiB unless given), before reading it.
   */
  read(path: string, signal?: AbortSignal, bytesMax?: number): Promise<Uint8Array>;

  /**
   * Every file below the folder (`''` is the whole storage), at any depth, ordered by the UTF-16
   * code units of the path; empty for a missing folder. Files that come or go meanwhile may be
   * there or not.
   */
  list(folder: string, options?: ListOptions): AsyncIterable<StoredFile>;

  /** Length and time of the file, or null when there is none. */
  stat(path: string): Promise<StoredFile | null>;

  /**
   * Makes the file unless one of that name is there: of any number of callers, in any number of
   * processes, exactly one succeeds; the others reject with LAKE_EXISTS. Durable when it resolves.
   * After LAKE_UNAVAILABLE it may be there all the same: read it before trying again.
   */
  putIfAbsent(path: string, content: Content): Promise<void>;

  /**
   * Makes the file or puts it in the place of the old one, atomically. Durable when it resolves.
   * Rejects with LAKE_EXISTS when a folder has that name, or a file that of one of its folders.
   */
  replace(path: string, content: Content): Promise<void>;

  /** Removes the file, but no folder; resolves with false when there was none. */
  delete(path: string): Promise<boolean>;

  /**
   * A path on this machine at which the bytes of this file can be read by programs that want one.
   * Only for files that never change once they are there. Rejects with LAKE_MISSING.
   */
  localPath(path: string): Promise<string>;

  /** An absolute folder or address that names this storage for people and for other programs. */
  readonly location: string;

  /** Where other programs, such as Spark, find this file or folder by themselves. */
  address(path: string): string;

  /**
   * Moves the files of a folder, also those that come, to another kind of disk. Resolves with how
   * much was changed: nothing, when it was so already. Only engines that know such kinds have it.
   */
  tier?(folder: string, tier: Tier, signal?: AbortSignal): Promise<number>;
}

/** The largest file that is read whole. */
export const READ_BYTES_MAX = 2 * 1024 ** 3;

export interface Tier {
  readonly policy: 'HOT' | 'WARM' | 'COLD' | 'ALL_SSD' | 'ONE_SSD';
  /** Copies of each block; null leaves them as they are. */
  readonly replication: number | null;
}

/**
 * Bytes, or the path of a finished file on this machine. The file is consumed (moved or deleted)
 * when the call resolves and left to the caller when it rejects.
 */
export type Content = Uint8Array | { readonly file: string };

export interface StoredFile {
  readonly path: string;
  readonly bytes: number;
  readonly modifiedAt: Date;
}

export interface ListOptions {
  /** Only paths that are greater than this one. */
  readonly after?: string;
  readonly signal?: AbortSignal;
}
