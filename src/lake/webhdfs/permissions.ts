/**
 * The least rights on the lake's folders: its owner alone, and groups that may read.
 *
 *     folder       user::rwx group::--- other::---   readers r-x   the same by default for what comes
 *     file         user::rw- group::--- other::---   readers r-x below the mask r--, as inherited
 *     private      as a folder, without readers: drafts, and the notes of processes
 *
 * A file gets its rights as a draft and keeps them when it is renamed, so the folder of drafts hands
 * down what files are to have.
 */
import { type Static, Type } from 'typebox';
import { parseAnswer } from './answers.ts';
import { type NameNodesOptions, openNameNodes } from './namenodes.ts';
import { RemoteError } from './remote-error.ts';

export interface Rights {
  readonly owner: string;
  readonly group: string;
  /** `750`; with an ACL the middle digit is its mask. */
  readonly permission: string;
  /** Entries beyond that, as HDFS names them, in order. */
  readonly acl: readonly string[];
}

export interface Difference {
  /** Absolute. */
  readonly path: string;
  readonly type: 'FILE' | 'DIRECTORY';
  /** Null when it is missing. */
  readonly now: Rights | null;
  readonly wanted: Rights;
  /** What `hdfs dfs -setfacl --set` takes. */
  readonly aclSpec: string;
}

export interface SecureOptions {
  /** Absolute, without `/` at the end. */
  readonly root: string;
  /** Below the root: without readers. */
  readonly privateFolders: readonly string[];
  /** Below the root: made when they are missing. */
  readonly madeFolders: readonly string[];
  readonly readers: readonly string[];
  /** Null: whoever it is now. */
  readonly owner: string | null;
  readonly group: string | null;
  readonly signal?: AbortSignal | undefined;
}

export interface Permissions extends AsyncDisposable {
  /** What is otherwise than it should be, the folders before what is in them. */
  differences(options: SecureOptions): AsyncGenerator<Difference>;
  apply(difference: Difference, signal?: AbortSignal): Promise<void>;
}

const Entry = Type.Object({
  type: Type.Enum(['FILE', 'DIRECTORY', 'SYMLINK']),
  pathSuffix: Type.String(),
  owner: Type.String(),
  group: Type.String(),
  permission: Type.String(),
  aclBit: Type.Optional(Type.Boolean()),
});
const STATUS = Type.Object({ FileStatus: Entry });
const LISTING = Type.Object({
  DirectoryListing: Type.Object({
    partialListing: Type.Object({ FileStatuses: Type.Object({ FileStatus: Type.Array(Entry) }) }),
    remainingEntries: Type.Number(),
  }),
});
const ACL = Type.Object({ AclStatus: Type.Object({ entries: Type.Array(Type.String()) }) });

type Entry = Readonly<Static<typeof Entry>>;
type Kind = 'folder' | 'private' | 'file';

export function openPermissions(options: NameNodesOptions): Permissions {
  const nameNodes = openNameNodes(options);

  async function ask(path: string, op: string, query: Record<string, string>, own?: AbortSignal) {
    return (await nameNodes.ask({ method: 'GET', path, op, query, signal: own })).text;
  }

  async function status(path: string, signal?: AbortSignal): Promise<Entry | null> {
    try {
      const text = await ask(path, 'GETFILESTATUS', {}, signal);
      return parseAnswer(STATUS, text).FileStatus;
    } catch (error) {
      if (error instanceof RemoteError && error.is('FileNotFoundException')) return null;
      throw error;
    }
  }

  async function* list(path: string, signal?: AbortSignal): AsyncGenerator<readonly Entry[]> {
    for (let startafter = ''; ; ) {
      const text = await ask(path, 'LISTSTATUS_BATCH', { startafter }, signal);
      const { partialListing, remainingEntries } = parseAnswer(LISTING, text).DirectoryListing;
      const page = partialListing.FileStatuses.FileStatus;
      yield page;
      startafter = page.at(-1)?.pathSuffix ?? '';
      if (remainingEntries === 0 || startafter === '') return;
    }
  }

  async function compare(
    path: string,
    entry: Entry,
    secure: SecureOptions,
  ): Promise<Difference | null> {
    const { owner, group, permission, type, aclBit } = entry;
    if (type === 'SYMLINK') return null;
    const acl = aclBit
      ? parseAnswer(ACL, await ask(path, 'GETACLSTATUS', {}, secure.signal)).AclStatus.entries
      : [];
    const now: Rights = { owner, group, permission, acl: [...acl].sort() };
    const kind = kindOf(path, type, secure);
    const wanted = wantedRights(kind, secure, now);
    if (JSON.stringify(now) === JSON.stringify(wanted)) return null;
    return { path, type, now, wanted, aclSpec: aclSpecOf(kind, secure.readers) };
  }

  async function* below(path: string, secure: SecureOptions): AsyncGenerator<Difference> {
    for await (const page of list(path, secure.signal)) {
      const children = page.map((entry) => ({ entry, at: `${path}/${entry.pathSuffix}` }));
      const found = await Promise.all(children.map(({ at, entry }) => compare(at, entry, secure)));
      yield* found.filter((one) => one !== null);
      for (const { at, entry } of children) {
        if (entry.type === 'DIRECTORY') yield* below(at, secure);
      }
    }
  }

  return {
    async *differences(secure) {
      const root = await status(secure.root, secure.signal);
      for (const folder of ['', ...secure.madeFolders.map((one) => `/${one}`)]) {
        const path = `${secure.root}${folder}`;
        const entry = folder === '' ? root : await status(path, secure.signal);
        if (entry === null) yield missing(path, secure, root);
        else if (folder === '') yield* onlyFound([await compare(path, entry, secure)]);
      }
      if (root !== null) yield* below(secure.root, secure);
    },
    async apply({ path, now, wanted, aclSpec }, signal) {
      const put = (op: string, query: Record<string, string>) =>
        nameNodes.ask({ method: 'PUT', path, op, query, signal });
      if (now === null) await put('MKDIRS', { permission: '700' });
      await put('SETACL', { aclspec: aclSpec });
      const { owner, group } = wanted;
      const change = {
        ...(owner === '' || owner === now?.owner ? {} : { owner }),
        ...(group === '' || group === now?.group ? {} : { group }),
      };
      if (Object.keys(change).length > 0) await put('SETOWNER', change);
    },
    [Symbol.asyncDispose]: () => nameNodes[Symbol.asyncDispose](),
  };
}

function* onlyFound(found: readonly (Difference | null)[]): Generator<Difference> {
  for (const one of found) if (one !== null) yield one;
}

function missing(path: string, secure: SecureOptions, root: Entry | null): Difference {
  const kind = kindOf(path, 'DIRECTORY', secure);
  const as = { owner: root?.owner ?? '', group: root?.group ?? '', permission: '', acl: [] };
  const wanted = wantedRights(kind, secure, as);
  return { path, type: 'DIRECTORY', now: null, wanted, aclSpec: aclSpecOf(kind, secure.readers) };
}

function kindOf(path: string, type: Entry['type'], secure: SecureOptions): Kind {
  if (type === 'FILE') return 'file';
  const folder = path.slice(secure.root.length + 1);
  return secure.privateFolders.includes(folder) ? 'private' : 'folder';
}

function wantedRights(kind: Kind, secure: SecureOptions, now: Rights): Rights {
  const { readers } = secure;
  const isRead = readers.length > 0 && kind !== 'private';
  const permission = kind === 'file' ? (isRead ? '640' : '600') : isRead ? '750' : '700';
  const own = isRead ? ['group::---', ...named(readers)] : [];
  return {
    owner: secure.owner ?? now.owner,
    group: secure.group ?? now.group,
    permission,
    acl: [...own, ...(kind === 'file' ? [] : defaults(readers))].sort(),
  };
}

function aclSpecOf(kind: Kind, readers: readonly string[]): string {
  const isRead = readers.length > 0 && kind !== 'private';
  const own = [
    kind === 'file' ? 'user::rw-' : 'user::rwx',
    'group::---',
    ...(isRead ? [...named(readers), kind === 'file' ? 'mask::r--' : 'mask::r-x'] : []),
    'other::---',
  ];
  return [...own, ...(kind === 'file' ? [] : defaults(readers))].join(',');
}

function named(readers: readonly string[]): string[] {
  return readers.map((group) => `group:${group}:r-x`);
}

function defaults(readers: readonly string[]): string[] {
  const entries = ['user::rwx', 'group::---', ...named(readers)];
  if (readers.length > 0) entries.push('mask::r-x');
  return [...entries, 'other::---'].map((entry) => `default:${entry}`);
}
