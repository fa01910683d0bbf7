// Writes every text file of the build a second time, over gzip, so that a server need not compress it for every visitor.
import fs from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

const text = /\.(js|css|html|svg)$/;

export function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    writeBundle({ dir }) {
      const all = fs.readdirSync(dir!, { recursive: true, encoding: 'utf8' }).filter(name => text.test(name));
      for (const name of all) {
        const file = path.join(dir!, name);
        fs.writeFileSync(`${file}.gz`, gzipSync(fs.readFileSync(file), { level: 9 }));
      }
    },
  };
}
