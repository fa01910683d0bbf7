import Table from '@cloudscape-design/components/table';
import Box from '@cloudscape-design/components/box';
import { bytes, number, plural } from '../../app/format.ts';
import type { Job } from '../../app/queries.ts';
import { Empty } from '../../app/states.tsx';
import type { StepRead } from '../live/jobLog.ts';

const where: Record<string, string> = { validate: 'on the sample', execute: 'on all rows' };

/** What the runs of a job truly read: which file, which columns, how much. */
export default function ReadsTab({ reads, job, running }: { reads: StepRead[]; job: Job; running: boolean }) {
  if (!reads.length) {
    return <Empty title={running ? 'Nothing was read yet' : 'Nothing was read'}>{job.sources.length ? `The job may read ${job.sources.map(s => s.name).join(', ')}.` : 'The job has no sources.'}</Empty>;
  }
  const nameOf = (uri: string) => job.sources.find(s => s.uri === uri)?.name ?? uri;
  return (
    <Table variant="embedded" wrapLines items={reads} trackBy={r => `${r.step}${r.attempt}${r.uri}${r.columns?.join()}`}
      ariaLabels={{ tableLabel: 'Data read' }}
      columnDefinitions={[
        { id: 'source', header: 'Source', cell: r => nameOf(r.uri), isRowHeader: true },
        { id: 'when', header: 'When', cell: r => `${where[r.step] ?? r.step}${r.attempt > 1 ? `, attempt ${r.attempt}` : ''}` },
        { id: 'columns', header: 'Columns', cell: r => (r.columns?.length ? <span title={r.columns.join(', ')}>{r.columns.length > 6 ? plural(r.columns.length, 'column') : r.columns.join(', ')}</span> : 'all') },
        { id: 'rows', header: 'Rows', cell: r => <Box textAlign="right">{number(r.rows)}</Box> },
        { id: 'bytes', header: 'Size', cell: r => <Box textAlign="right">{bytes(r.bytes)}</Box> },
      ]} />
  );
}
