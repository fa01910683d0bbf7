import { useState } from 'react';
import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useNotify } from '../../app/notify.tsx';
import { messageOf } from '../../api/client.ts';
import { number } from '../../app/format.ts';
import type { Cell, TableData } from '../live/events.ts';
import { csv, tsv } from './csv.ts';
import DataGrid from './DataGrid.tsx';
import { fetchOutput, fileName, save } from './save.ts';

const mostRows = 100_000; // that a page holds; the Parquet file has them all

/** A table with what can be done with it. job and index are absent for the preview of a sample: it has no file. */
export default function TableOutput({ table, label, job, index, title, most }: { table: TableData; most?: number; label: string; job?: string; index?: number; title: string }) {
  const notify = useNotify();
  const [rows, setRows] = useState<Cell[][]>(table.rows);
  const [shown, setShown] = useState<Cell[][]>(rows);
  const [busy, setBusy] = useState<'rows' | 'parquet' | null>(null);
  const [error, setError] = useState('');
  const stored = job !== undefined && index !== undefined && !!table.file;

  const use = (more: Cell[][]) => { setRows(more); setShown(more); };
  const guard = async (what: 'rows' | 'parquet', work: () => Promise<void>) => {
    setBusy(what);
    setError('');
    try { await work(); } catch (e) { setError(messageOf(e)); } finally { setBusy(null); }
  };
  const allRows = () => guard('rows', async () => {
    const [{ readParquet }, blob] = await Promise.all([import('./parquet.ts'), fetchOutput(job!, index!)]);
    use(await readParquet(blob, table.columns, mostRows));
  });
  const parquet = () => guard('parquet', async () => save(fileName(title, 'parquet'), await fetchOutput(job!, index!), 'application/vnd.apache.parquet'));
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(tsv(table.columns, shown));
      notify({ type: 'success', content: `${number(shown.length)} rows are on the clipboard.` });
    } catch {
      setError('The browser does not give access to the clipboard. Download the table as CSV instead.');
    }
  };

  const complete = rows.length >= table.total;
  return (
    <SpaceBetween size="xs">
      <DataGrid columns={table.columns} rows={rows} label={label} onSorted={setShown} most={most} key={rows.length} />
      <div className="oc-bar">
        <Box color="text-body-secondary" fontSize="body-s">
          {complete ? `${number(table.total)} ${table.total === 1 ? 'row' : 'rows'}` : `First ${number(rows.length)} of ${number(table.total)} rows`}, {table.columns.length} {table.columns.length === 1 ? 'column' : 'columns'}
        </Box>
        <SpaceBetween size="m" direction="horizontal">
          {stored && !complete && rows.length < mostRows && (
            <Button variant="inline-link" loading={busy === 'rows'} onClick={() => void allRows()}>
              {table.total > mostRows ? `Show ${number(mostRows)} rows` : 'Show all rows'}
            </Button>
          )}
          <Button variant="inline-link" iconName="copy" onClick={() => void copy()}>Copy</Button>
          <Button variant="inline-link" iconName="download" ariaLabel={`Download as CSV: ${number(shown.length)} rows`} onClick={() => save(fileName(title, 'csv'), csv(table.columns, shown), 'text/csv;charset=utf-8')}>CSV</Button>
          {stored && <Button variant="inline-link" iconName="download" ariaLabel="Download as Parquet: all rows" loading={busy === 'parquet'} onClick={() => void parquet()}>Parquet</Button>}
        </SpaceBetween>
      </div>
      {error && <Alert type="error" dismissible onDismiss={() => setError('')}>{error}</Alert>}
    </SpaceBetween>
  );
}
