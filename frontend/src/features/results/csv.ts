import type { Cell } from '../live/events.ts';
import { isNumeric, show } from './values.ts';

interface Column { name: string; type: string }

/** What a spreadsheet takes for the beginning of a formula, its wide forms too. */
const formula = /^[=+\-@\t\r\n＝＋－＠]/;
const plainNumber = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

/** Writes one field (RFC 4180). A text that a spreadsheet would run gets an apostrophe in front; a number stays as it is. */
function field(value: Cell | undefined, isNumber: boolean): string {
  let text = show(value);
  const number = typeof value === 'number' || (isNumber && plainNumber.test(text));
  if (!number && formula.test(text)) text = `'${text}`;
  return /[",\r\n;\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Writes rows as CSV with a header, CRLF line ends and a byte order mark, as spreadsheets expect it. */
export function csv(columns: Column[], rows: Cell[][]): string {
  const numbers = columns.map(c => isNumeric(c.type));
  const lines = [columns.map(c => field(c.name, false)).join(',')];
  for (const row of rows) lines.push(columns.map((_, i) => field(row[i], numbers[i]!)).join(','));
  return `\uFEFF${lines.join('\r\n')}\r\n`;
}

/** Writes rows as tab-separated text for the clipboard; a paste into a spreadsheet runs no formula either. */
export function tsv(columns: Column[], rows: Cell[][]): string {
  const numbers = columns.map(c => isNumeric(c.type));
  const lines = [columns.map(c => field(c.name, false)).join('\t')];
  for (const row of rows) lines.push(columns.map((_, i) => field(row[i], numbers[i]!)).join('\t'));
  return lines.join('\n');
}
