import { lazy, Suspense, useEffect, useState } from 'react';
import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { messageOf } from '../../api/client.ts';
import type { Output } from '../live/events.ts';
import { fetchOutput, fileName, save } from './save.ts';

const TableOutput = lazy(() => import('./TableOutput.tsx'));
const ChartOutput = lazy(() => import('./ChartOutput.tsx'));

const shortTable = 260; // pixels of a table that has more below it, so that this is seen to be there

/** What a run showed, in its order. job is given when the outputs are those of the answer, whose files can be fetched. */
export default function Outputs({ outputs, job, title, label }: { outputs: Output[]; job?: string; title: string; label: string }) {
  if (!outputs.length) {
    return <Box color="text-body-secondary">The program ran to its end and showed nothing: there is no output. End it with the value to show, or use print or display.</Box>;
  }
  return (
    <SpaceBetween size="l">
      {outputs.map((o, i) => (
        <Suspense key={i} fallback={<Spinner />}>
          <One output={o} job={job} index={i} title={title} most={i < outputs.length - 1 ? shortTable : undefined} label={outputs.length > 1 ? `${label} ${i + 1}` : label} />
        </Suspense>
      ))}
    </SpaceBetween>
  );
}

function One({ output: o, job, index, title, label, most }: { output: Output; job?: string; index: number; title: string; label: string; most?: number }) {
  if (o.kind === 'table' && o.table) return <TableOutput table={o.table} job={job} index={index} label={label} title={title} most={most} />;
  if (o.kind === 'chart' && o.spec) return <ChartOutput spec={o.spec} title={title} />;
  if (o.kind === 'image' && o.image) return job ? <ImageOutput job={job} index={index} title={title} size={o.image} /> : <Box color="text-body-secondary">A picture, to be seen in the answer.</Box>;
  if (o.kind === 'error') return <Alert type="error" header={o.error?.name ?? 'An output could not be shown'}>{o.error?.value ?? o.error?.message ?? ''}</Alert>;
  if (o.kind === 'text') return <TextOutput text={o.text ?? ''} label={label} />;
  return <Box color="text-body-secondary">An output of kind “{o.kind}”, which this page does not know. It may be shorter here than in the answer.</Box>;
}

const shortText = 20_000; // characters

function TextOutput({ text, label }: { text: string; label: string }) {
  const [whole, setWhole] = useState(text.length <= shortText);
  return (
    <SpaceBetween size="xs">
      <pre className="oc-text" tabIndex={0} role="region" aria-label={label}>{whole ? text : text.slice(0, shortText)}</pre>
      {!whole && <Button variant="inline-link" onClick={() => setWhole(true)}>Show all of it ({Math.ceil(text.length / 1024)} KiB)</Button>}
    </SpaceBetween>
  );
}

function ImageOutput({ job, index, title, size }: { job: string; index: number; title: string; size: { width: number; height: number } }) {
  const [picture, setPicture] = useState<{ url: string; blob: Blob } | null>(null);
  const [error, setError] = useState('');
  useEffect(() => {
    let url = '';
    let gone = false;
    fetchOutput(job, index).then(blob => {
      if (gone) return;
      url = URL.createObjectURL(blob);
      setPicture({ url, blob });
    }, (e: unknown) => { if (!gone) setError(messageOf(e)); });
    return () => { gone = true; if (url) URL.revokeObjectURL(url); };
  }, [job, index]);
  if (error) return <Alert type="error">{error}</Alert>;
  if (!picture) return <Spinner />;
  return (
    <SpaceBetween size="xs">
      <img className="oc-image" src={picture.url} width={size.width} height={size.height} alt={`Figure ${index + 1} for: ${title}`} />
      <Button variant="inline-link" iconName="download" onClick={() => save(fileName(title, 'png'), picture.blob, 'image/png')}>PNG</Button>
    </SpaceBetween>
  );
}
