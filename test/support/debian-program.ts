/** Programs that Debian packages, for tests that do without them where they cannot be had. */
import { cacheFolder } from '../../src/cluster/artifacts.ts';
import { type DebianProgram, resolveProgram } from '../../src/cluster/debian.ts';
import { isErrorCode } from '../../src/errors.ts';

/** Null where neither the program nor Debian's tools are. */
export async function findProgram(
  program: string,
  debianPackage: string,
): Promise<DebianProgram | null> {
  try {
    return await resolveProgram(program, debianPackage, cacheFolder(process.env));
  } catch (error) {
    if (isErrorCode(error, 'CLUSTER_TOOL_MISSING', 'CLUSTER_FAILED')) return null;
    throw error;
  }
}
