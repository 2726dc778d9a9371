/** The reference of the API for `/docs`: Swagger UI as it is published, `reference/…`. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Plugin } from 'vite';

const FILES = ['swagger-ui-bundle.js', 'swagger-ui.css', 'swagger-ui-bundle.js.LICENSE.txt'];

export function reference(): Plugin {
  const { resolve } = createRequire(import.meta.url);
  return {
    name: 'reference',
    apply: 'build',
    generateBundle() {
      for (const name of FILES) {
        const text = readFileSync(resolve(`swagger-ui-dist/${name}`), 'utf8');
        // Maps of sources are not shipped; browsers would ask for them in vain.
        const source = text.replace(/^\/[/*]# sourceMappingURL=.*$/gm, '');
        this.emitFile({ type: 'asset', fileName: `reference/${name}`, source });
      }
    },
  };
}
