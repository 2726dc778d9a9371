/** What a command in this process prints, for tests that need no process of its own. */
import type { Environment } from '../environment.ts';

export interface Printed {
  stdout: string;
  stderr: string;
}

/** An environment with these parts, and what is printed in it. */
export function openTestEnvironment(parts: Partial<Environment> = {}): {
  readonly environment: Environment;
  readonly printed: Printed;
} {
  const printed = { stdout: '', stderr: '' };
  const environment: Environment = {
    version: '0.0.0',
    signal: new AbortController().signal,
    env: {},
    keepSecret: () => {},
    print(text) {
      printed.stdout += text;
    },
    async printAll(texts) {
      for await (const text of texts) printed.stdout += text;
    },
    ...parts,
    report(text) {
      printed.stderr += text;
      parts.report?.(text);
    },
  };
  return { environment, printed };
}
