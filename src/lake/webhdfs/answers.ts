/** What WebHDFS answers, parsed: a proxy or another server may answer in its place. */
import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';

const FileStatusSchema = Type.Object({
  type: Type.Enum(['FILE', 'DIRECTORY', 'SYMLINK']),
  /** The name within the listed folder; empty for what was asked about itself. */
  pathSuffix: Type.String(),
  length: Type.Number(),
  /** Milliseconds since 1970. */
  modificationTime: Type.Number(),
  replication: Type.Number(),
  /** 0: not set; 7 HOT, 5 WARM, 2 COLD, 12 ALL_SSD, 10 ONE_SSD. */
  storagePolicy: Type.Number(),
  /** In an encryption zone; else it is not there. */
  encBit: Type.Optional(Type.Boolean()),
});

export type FileStatus = Readonly<Static<typeof FileStatusSchema>>;

export const ANSWERS = {
  status: Type.Object({ FileStatus: FileStatusSchema }),
  listing: Type.Object({
    DirectoryListing: Type.Object({
      partialListing: Type.Object({
        FileStatuses: Type.Object({ FileStatus: Type.Array(FileStatusSchema) }),
      }),
      remainingEntries: Type.Number(),
    }),
  }),
  done: Type.Object({ boolean: Type.Boolean() }),
  location: Type.Object({ Location: Type.String() }),
  token: Type.Object({ Token: Type.Object({ urlString: Type.String({ minLength: 1 }) }) }),
  /** When it ends, in milliseconds since 1970. */
  renewed: Type.Object({ long: Type.Number() }),
  checksum: Type.Object({
    FileChecksum: Type.Object({
      algorithm: Type.String(),
      bytes: Type.String(),
      length: Type.Number(),
    }),
  }),
} as const;

/** The answer is not one of WebHDFS. */
export class AnswerError extends Error {}

const SHOWN_CHARACTERS = 80;
/** Tokens in addresses, and those that were asked for. */
const SECRETS = /(delegation=|token=|"urlString"\s*:\s*")[^&"\s]*/gi;

export function parseAnswer<S extends TSchema>(schema: S, text: string): Static<S> {
  try {
    const value: unknown = JSON.parse(text);
    if (Value.Check(schema, value)) return value;
  } catch {
    // It is shown below.
  }
  const shown = JSON.stringify(text.replaceAll(SECRETS, '$1…').slice(0, SHOWN_CHARACTERS));
  throw new AnswerError(`expected an answer of WebHDFS; got ${shown}`);
}
