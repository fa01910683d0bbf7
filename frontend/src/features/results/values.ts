// How values of a table output are shown, compared and written. Everything from a file or a program is text for React, never
// markup.
import type { Cell } from '../live/events.ts';

const numeric = /^(u?int|float|double|decimal|number|half|long|short)/i;

export const isNumeric = (type: string) => numeric.test(type);

export function show(value: Cell | undefined): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'object') return JSON.stringify(value);
  return String(value);
}

/** A value as a cell shows it: without the noise in the last digits of a double. The exact one is in the cell's title and in files. */
export function brief(value: Cell | undefined, type: string): string {
  if (typeof value !== 'number' || Number.isInteger(value) || !isNumeric(type)) return show(value);
  return String(Number(value.toPrecision(12)));
}

/** Sorts a copy of the rows by one column; missing values stay at the end either way, equal ones in their order. */
export function sorted(rows: Cell[][], column: number, type: string, descending: boolean): Cell[][] {
  const compare = isNumeric(type) ? compareNumbers : compareTexts;
  const sign = descending ? -1 : 1;
  return rows
    .map((row, place) => ({ row, place, value: row[column] ?? null }))
    .sort((a, b) => {
      if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null) || a.place - b.place;
      return sign * compare(a.value, b.value) || a.place - b.place;
    })
    .map(x => x.row);
}

/** Compares numbers that may be texts, because they do not fit a double. */
function compareNumbers(a: Cell, b: Cell): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [x, y] = [String(a), String(b)];
  if (/^-?\d+$/.test(x) && /^-?\d+$/.test(y)) {
    const [m, n] = [BigInt(x), BigInt(y)];
    return m < n ? -1 : m > n ? 1 : 0;
  }
  return Number(x) - Number(y) || compareTexts(a, b);
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'variant' });

const compareTexts = (a: Cell, b: Cell) => collator.compare(show(a), show(b));
