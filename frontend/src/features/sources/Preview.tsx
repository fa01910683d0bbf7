import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { bytes, number, plural } from '../../app/format.ts';
import type { Source } from '../../app/queries.ts';
import DataGrid from '../results/DataGrid.tsx';

const formats: Record<string, string> = { csv: 'CSV', jsonl: 'JSON lines', parquet: 'Parquet' };
const types: Record<string, string> = { int: 'whole number', float: 'number', bool: 'yes or no', string: 'text', date: 'day', timestamp: 'time', nested: 'nested' };

const counted = 1000; // different values of a column are counted up to here

function reading(s: Source): string {
  const d = s.profile?.dialect;
  if (!d) return '';
  const delimiter = { ',': 'comma', ';': 'semicolon', '\t': 'tab', '|': 'bar', ' ': 'space' }[d.delimiter ?? ''] ?? d.delimiter;
  return [delimiter && `separated by ${delimiter}`, s.profile?.format === 'csv' && (d.header ? 'with a header' : 'without a header'), d.encoding,
    d.decimal === ',' && 'decimal comma', d.skip_rows && `${plural(d.skip_rows, 'line')} before the table`].filter(Boolean).join(', ');
}

/** What orcray found in a file: how it is read, its columns with their types, its first lines, and what a person should know. */
export default function Preview({ source: s, onClose }: { source: Source; onClose: () => void }) {
  const p = s.profile;
  if (!p) return null;
  const columns = p.columns ?? [];
  return (
    <Modal visible size="x-large" header={s.name} onDismiss={onClose} closeAriaLabel="Close the preview">
      <SpaceBetween size="l">
        {p.warnings?.map(w => <Alert key={w.code + w.detail} type="warning">{w.detail}{w.rows ? ` (${plural(w.rows, 'row')})` : ''}</Alert>)}
        <KeyValuePairs columns={3} items={[
          { label: 'Format', value: formats[p.format] ?? p.format },
          { label: 'Rows', value: `${p.exact ? '' : 'about '}${number(p.rows)}` },
          { label: 'Size', value: bytes(p.bytes) },
          ...(reading(s) ? [{ label: 'Read as', value: reading(s) }] : []),
          { label: 'Programs are proven on', value: p.sample.whole ? 'the whole file' : `a sample of ${number(p.sample.rows)} rows` },
        ]} />
        <div>
          <Header variant="h3">Columns</Header>
          <DataGrid label={`Columns of ${s.name}`}
            columns={[{ name: 'Column', type: 'string' }, { name: 'Type', type: 'string' }, { name: 'Missing', type: 'int' }, { name: 'Different', type: 'int' }, { name: 'From', type: 'string' }, { name: 'To', type: 'string' }, { name: 'Examples', type: 'string' }]}
            rows={columns.map(c => [c.name, types[c.type] ?? c.type, c.nulls, c.distinct < counted ? c.distinct : `${counted}+`, c.min ?? '', c.max ?? '', (c.examples ?? []).join(', ')])} />
        </div>
        {!!p.preview?.length && (
          <div>
            <Header variant="h3">First lines</Header>
            <pre className="oc-text oc-lines" tabIndex={0} role="region" aria-label={`First lines of ${s.name}`}>{p.preview.join('\n')}</pre>
            <Box fontSize="body-s" color="text-body-secondary">Long lines are cut.</Box>
          </div>
        )}
      </SpaceBetween>
    </Modal>
  );
}
