// Cloudscape's global styles carry eight fonts as data: URLs, 140 KB that block the first paint and need `font-src data:`.
// This writes them out as files once, so that the browser fetches only the weights a page uses, and the policy stays strict.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Plugin } from 'vite';

const styles = '@cloudscape-design/global-styles/index.css';
const inlined = /url\(['"]?data:font\/woff2;base64,([^'")]+)['"]?\)/g;

export function fontFiles(): Plugin {
  return {
    name: 'font-files',
    enforce: 'pre',
    resolveId(source) {
      if (source !== styles) return null;
      const out = path.resolve('node_modules/.cache/fonts');
      fs.mkdirSync(out, { recursive: true });
      const original = fs.readFileSync(createRequire(import.meta.url).resolve(styles), 'utf8');
      const css = original
        .replace(inlined, (_, base64: string) => {
          const font = Buffer.from(base64, 'base64');
          const name = `open-sans-${createHash('sha256').update(font).digest('hex').slice(0, 8)}.woff2`;
          fs.writeFileSync(path.join(out, name), font);
          return `url('./${name}')`;
        })
        .replace(/@font-face\s*{/g, '@font-face { font-display: swap;');
      if (css.includes('data:font')) this.error('a font is still inlined: the format of global-styles has changed');
      const file = path.join(out, 'index.css');
      fs.writeFileSync(file, css);
      return file;
    },
  };
}
