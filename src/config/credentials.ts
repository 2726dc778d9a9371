/**
 * Secrets that systemd hands over as files of `$CREDENTIALS_DIRECTORY`, each named `isobar.` and the
 * setting's path: `LoadCredential=isobar.log.kafka.password:/etc/isobar/kafka-password`.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { nearest } from './nearest.ts';
import { fileProblem, readSecretFile } from './secret-file.ts';
import { SETTINGS, settingOf } from './settings.ts';

export interface Credentials {
  /** Setting's path → value. */
  readonly values: ReadonlyMap<string, string>;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

const PREFIX = 'isobar.';

/** The name under which systemd hands over the secret of this setting. */
export function credentialOf(path: string): string {
  return PREFIX + path;
}

/** All of them; other files of the folder are for others. */
export function readCredentials(folder: string | undefined): Credentials {
  const values = new Map<string, string>();
  const problems: string[] = [];
  const warnings: string[] = [];
  if (folder === undefined || folder === '') return { values, problems, warnings };
  for (const name of namesIn(folder, warnings)) {
    const path = name.slice(PREFIX.length);
    if (settingOf(path)?.secret !== true) {
      warnings.push(`the credential ${name} belongs to no secret setting${didYouMean(name)}`);
      continue;
    }
    try {
      values.set(path, readSecretFile(join(folder, name)));
    } catch (error) {
      problems.push(`${path} (credential ${name}): ${(error as Error).message}`);
    }
  }
  return { values, problems, warnings };
}

function namesIn(folder: string, warnings: string[]): string[] {
  try {
    return readdirSync(folder).filter((name) => name.startsWith(PREFIX));
  } catch (error) {
    warnings.push(`CREDENTIALS_DIRECTORY: ${fileProblem(folder, error)}`);
    return [];
  }
}

function didYouMean(name: string): string {
  const secrets = SETTINGS.filter(({ secret }) => secret).map(({ path }) => credentialOf(path));
  const near = nearest(name, secrets);
  return near === undefined ? '' : `; did you mean ${near}?`;
}
