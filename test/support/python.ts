/** Pythons for the tests that let other programs at our tables and at the API. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { madeOnce } from './made-once.ts';

const CACHE = join(import.meta.dirname, '..', '..', '.cache');

interface Environment {
  /** Folder in the cache. */
  readonly name: string;
  readonly packages: readonly string[];
  /** Modules whose presence shows that the packages are there. */
  readonly modules: string;
}

const DELTALAKE: Environment = {
  name: 'python',
  packages: ['deltalake==1.6.6', 'pyarrow==26.0.1'],
  modules: 'deltalake, pyarrow',
};
const SCHEMATHESIS: Environment = {
  name: 'schemathesis-4.32.5',
  packages: ['schemathesis==4.32.5'],
  modules: 'schemathesis',
};
const KUBERNETES_VALIDATE: Environment = {
  name: 'kubernetes-validate-1.37.0',
  packages: ['kubernetes-validate==1.37.0'],
  modules: 'kubernetes_validate',
};

const CYCLONEDX: Environment = {
  name: 'cyclonedx-11.12.0',
  packages: ['cyclonedx-python-lib[json-validation]==11.12.0'],
  modules: 'cyclonedx, jsonschema',
};

/** A Python with delta-rs in a virtual environment of the project's; null without Python. */
export function findPython(): Promise<string | null> {
  return find(DELTALAKE);
}

/** The same with Schemathesis. */
export function findSchemathesis(): Promise<string | null> {
  return find(SCHEMATHESIS);
}

/** The same with the library of CycloneDX, which has its schemas. */
export function findCycloneDx(): Promise<string | null> {
  return find(CYCLONEDX);
}

/** The same with the schemas of Kubernetes, and the program that compares manifests with them. */
export function findKubernetesValidate(): Promise<string | null> {
  return find(KUBERNETES_VALIDATE);
}

async function find(environment: Environment): Promise<string | null> {
  try {
    // Two test files that begin at the same time would make it in each other's way.
    await madeOnce(environment.name, () => makeEnvironment(environment));
  } catch (error) {
    // In CI a skip would hide a missing reader.
    if (process.env.CI) throw error;
    return null;
  }
  return pythonOf(environment);
}

function pythonOf({ name }: Environment): string {
  return join(CACHE, name, 'bin/python');
}

function makeEnvironment(environment: Environment): void {
  const { name, packages, modules } = environment;
  const own = pythonOf(environment);
  if (!existsSync(own)) {
    execFileSync('python3', ['-m', 'venv', join(CACHE, name)], { stdio: 'pipe' });
  }
  try {
    execFileSync(own, ['-c', `import ${modules}`], { stdio: 'pipe' });
  } catch {
    execFileSync(own, ['-m', 'pip', 'install', '--quiet', ...packages], { stdio: 'pipe' });
  }
}
