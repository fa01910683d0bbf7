import { diffLines } from 'diff';

/** One row of two programs side by side; a side without a line has no number. */
export interface Row {
  kind: 'same' | 'changed' | 'skipped';
  left?: { number: number; text: string };
  right?: { number: number; text: string };
  skipped?: number; // lines that are the same and not shown
}

const around = 3; // unchanged lines shown beside a change

const linesOf = (text: string) => {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
};

/** Compares two programs line by line. Long parts that are the same become one row that says how long they are. */
export function difference(a: string, b: string): Row[] {
  const rows: Row[] = [];
  let [left, right] = [0, 0];
  const end = (s: string) => (s === '' || s.endsWith('\n') ? s : `${s}\n`); // a missing last line end is no difference
  const parts = diffLines(end(a), end(b));
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    if (!part.added && !part.removed) {
      for (const text of linesOf(part.value)) rows.push({ kind: 'same', left: { number: ++left, text }, right: { number: ++right, text } });
      continue;
    }
    const removed = part.removed ? linesOf(part.value) : [];
    const next = parts[i + 1];
    const added = part.added ? linesOf(part.value) : next?.added ? linesOf(next.value) : [];
    if (part.removed && next?.added) i++;
    for (let k = 0; k < Math.max(removed.length, added.length); k++) {
      rows.push({
        kind: 'changed',
        left: k < removed.length ? { number: ++left, text: removed[k]! } : undefined,
        right: k < added.length ? { number: ++right, text: added[k]! } : undefined,
      });
    }
  }
  return folded(rows);
}

function folded(rows: Row[]): Row[] {
  const near = rows.map(() => false);
  rows.forEach((r, i) => {
    if (r.kind !== 'changed') return;
    for (let k = Math.max(0, i - around); k <= Math.min(rows.length - 1, i + around); k++) near[k] = true;
  });
  const out: Row[] = [];
  for (let i = 0; i < rows.length;) {
    if (near[i]) {
      out.push(rows[i++]!);
      continue;
    }
    let end = i;
    while (end < rows.length && !near[end]) end++;
    if (end - i === 1) out.push(rows[i]!);
    else out.push({ kind: 'skipped', skipped: end - i });
    i = end;
  }
  return out;
}
