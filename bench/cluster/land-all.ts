/** Lands all that waits, in a process of its own: `node land-all.ts PROFILE DATA`. */
import { loadConfig } from '../../src/config/load.ts';
import { openWorkspace } from '../../src/pipeline/workspace.ts';

const [profile = '', data = ''] = process.argv.slice(2);
const { config } = loadConfig({ file: profile, env: {}, flags: { data } });
await using workspace = await openWorkspace(config, false);
const log = await workspace.log();
const sink = await workspace.sink();
process.stdout.write('begin\n');
const from = performance.now();
let rows = 0;
await Promise.all(
  Array.from({ length: log.partitionCount }, async (_, partition) => {
    for (;;) {
      const landed = await sink.land(partition);
      if (landed === null) return;
      rows += landed.rows;
    }
  }),
);
process.stdout.write(`landed ${rows} in ${performance.now() - from}\n`);
