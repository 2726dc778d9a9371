#!/usr/bin/env node
// Everything else is loaded after the check: an old Node could not even read it.
import { assertNodeVersion } from './node-version.ts';

assertNodeVersion(process.versions.node);
const { runProgram } = await import('./program.ts');
await runProgram(process.argv.slice(2));
