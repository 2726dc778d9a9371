import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';
import { land } from './map/land.ts';
import { reference } from './reference.ts';

const CHARTS = /d3-|web.(chart|map|hours|wind).(?!words).*tsx?$/;

/** The page: `vite build web` → web/dist; `vite web` serves it beside a running `isobar start`. */
export default defineConfig({
  base: './',
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    // The oldest browsers that know `light-dark()`; nothing has to be translated for them.
    target: ['chrome123', 'firefox120', 'safari17.5'],
    assetsInlineLimit: 0,
    // Theirs ask that their words come along.
    license: { fileName: 'licences.md' },
    modulePreload: { polyfill: false },
    // Plotly is a chunk of its own, loaded after the first picture.
    chunkSizeWarningLimit: 1_300,
    rolldownOptions: {
      output: {
        // Drawing is loaded beside the rest, and is kept by browsers when only the rest changes.
        codeSplitting: {
          groups: [
            {
              name: 'base',
              test: /preact|web.(words.(en|words)|chart.words-en|format|client)|src.model.(?!climate)/,
              priority: 2,
            },
            { name: 'charts', test: CHARTS, priority: 1 },
          ],
        },
      },
    },
  },
  plugins: [land(), reference(), compressed()],
  server: { proxy: { '/api': `http://127.0.0.1:${process.env.ISOBAR_API_PORT ?? '5000'}` } },
});

/** Puts `.br` and `.gz` beside every text file, so that the server compresses nothing itself. */
function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    writeBundle({ dir }) {
      if (dir === undefined) return;
      for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
        const path = join(dir, name);
        if (!/\.(js|css|html|svg)$/.test(name) || !statSync(path).isFile()) continue;
        const bytes = readFileSync(path);
        // The best takes seconds for Plotly's megabyte, and is hardly smaller.
        const quality = { [constants.BROTLI_PARAM_QUALITY]: bytes.length > 300_000 ? 9 : 11 };
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: quality }));
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
      }
    },
  };
}
