// Fails when a package of Cloudscape uses a value of the theme that the installed components do not define. The names carry a
// hash of the release: packages that do not fit together fall back to light colours, and nothing else says so.
import fs from 'node:fs';
import path from 'node:path';

const root = path.resolve('node_modules/@cloudscape-design');
const walk = folder => fs.readdirSync(folder, { withFileTypes: true }).flatMap(e =>
  e.isDirectory() ? (e.name === 'node_modules' ? [] : walk(path.join(folder, e.name))) : [path.join(folder, e.name)]);
const read = file => fs.readFileSync(path.join(root, file), 'utf8');
const defined = new Set(['components/internal/base-theme/styles.scoped.css', 'components/internal/base-component/styles.scoped.css']
  .filter(f => fs.existsSync(path.join(root, f))).flatMap(f => read(f).match(/--[a-z0-9-]+(?=\s*:)/g) ?? []));
let bad = 0;
for (const name of ['components', 'design-tokens', 'chat-components']) {
  const used = new Set(walk(path.join(root, name)).filter(f => (name === 'design-tokens' ? f.endsWith('.js') : f.endsWith('scoped.css')))
    .flatMap(f => fs.readFileSync(f, 'utf8').match(/var\((--(color|border|space|font|shadow|size|motion|line)[a-z0-9-]+)/g)?.map(x => x.slice(4)) ?? []));
  const missing = [...used].filter(x => !defined.has(x));
  console.log(`${name}: ${used.size} used, ${missing.length} undefined ${missing.slice(0, 5).join(' ')}`);
  bad += missing.length;
}
process.exit(bad || !defined.size ? 1 : 0);
