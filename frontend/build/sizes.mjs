// What a first visit loads: JavaScript and CSS over gzip, by page, against the budgets. A browser loads what it names itself
// and what those name; what is loaded on demand is told apart.
import fs from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

const dist = path.resolve('dist');
const manifest = JSON.parse(fs.readFileSync(path.join(dist, '.vite/manifest.json'), 'utf8'));
const sizes = new Map();
const size = file => {
  if (!sizes.has(file)) sizes.set(file, gzipSync(fs.readFileSync(path.join(dist, file)), { level: 9 }).length / 1024);
  return sizes.get(file);
};
const files = (entry, seen = new Set()) => {
  if (seen.has(entry)) return new Set();
  seen.add(entry);
  const chunk = manifest[entry];
  const out = new Set([chunk.file, ...(chunk.css ?? [])]);
  for (const i of chunk.imports ?? []) for (const f of files(i, seen)) out.add(f);
  return out;
};
const page = (...entries) => new Set(['index.html', ...entries].flatMap(e => [...files(e)]));
const shell = 'src/app/Shell.tsx';
const job = ['src/pages/ask/AskPage.tsx', 'src/features/results/TableOutput.tsx'];
const budgets = [
  ['sign in', page('src/pages/signin/SignInPage.tsx'), 250],
  ['history', page(shell, 'src/pages/history/HistoryPage.tsx'), 430],
  ['cluster', page(shell, 'src/pages/cluster/ClusterPage.tsx'), 430],
  ['settings', page(shell, 'src/pages/settings/SettingsPage.tsx'), 430],
  ['ask, with an answer', page(shell, ...job), 540],
];
let over = 0;
for (const [name, set, most] of budgets) {
  const sum = ext => [...set].filter(f => f.endsWith(ext)).reduce((n, f) => n + size(f), 0);
  const [js, css] = [sum('.js'), sum('.css')];
  const bad = js + css > most;
  over += bad ? 1 : 0;
  console.log(`${name.padEnd(22)} ${(js + css).toFixed(0).padStart(4)} KB gzip (JS ${js.toFixed(0)}, CSS ${css.toFixed(0)}, ${set.size} files) of ${most}${bad ? '  OVER' : ''}`);
}
console.log(`on demand: editor ${size(manifest['src/features/editor/CodeEditor.tsx'].file).toFixed(0)} KB, charts ${size(manifest['src/features/results/chart.ts'].file).toFixed(0)} KB, Parquet reader ${size(manifest['src/features/results/parquet.ts'].file).toFixed(0)} KB`);
process.exit(over ? 1 : 0);
