// Reads a table output's Parquet file in the browser, when somebody wants to see more rows than came with the answer.
import { decompress } from 'fzstd';
import { parquetReadObjects } from 'hyparquet';
import type { Cell, TableData } from '../live/events.ts';

/** The API writes whole numbers beyond 2^53, decimals and times as text; so does this. */
function cell(value: unknown, type: string): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === 'bigint') return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value.toString();
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (value instanceof Date) return type.startsWith('date') ? value.toISOString().slice(0, 10) : value.toISOString().replace('.000Z', '').replace('Z', '');
  if (value instanceof Uint8Array) return Array.from(value, b => b.toString(16).padStart(2, '0')).join('');
  if (Array.isArray(value)) return value.map(v => cell(v, ''));
  if (typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, cell(v, '')]));
  return value as string | boolean;
}

export async function readParquet(blob: Blob, columns: TableData['columns'], limit: number): Promise<Cell[][]> {
  const bytes = await blob.arrayBuffer();
  const objects = await parquetReadObjects({
    file: bytes,
    rowEnd: limit,
    compressors: { ZSTD: (input: Uint8Array, length: number) => decompress(input, new Uint8Array(length)) },
  });
  return objects.map(o => columns.map(c => cell(o[c.name], c.type)));
}
