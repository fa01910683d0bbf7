import { lazy, Suspense, useRef, useState } from 'react';
import { useQuery } from '@tanstack/react-query';
import Alert from '@cloudscape-design/components/alert';
import Badge from '@cloudscape-design/components/badge';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { api, messageOf, take } from '../../api/client.ts';
import { bytes } from '../../app/format.ts';
import { useKept } from '../../app/kept.ts';
import { useNotify } from '../../app/notify.tsx';
import { settingsQuery, type Job } from '../../app/queries.ts';
import { Empty, Loading, Problem } from '../../app/states.tsx';
import Draft from './Draft.tsx';
import { unfenced, type JobLog } from '../live/jobLog.ts';
import { terminal } from '../live/events.ts';
import { fileName, save } from '../results/save.ts';

const CodeEditor = lazy(() => import('../editor/CodeEditor.tsx'));

/** The program of a job: as it is written, and then to be changed, run, saved. Changes outlive a reload. */
export default function ProgramTab({ job, log, onRun }: { job: Job; log: JobLog; onRun: (code: string, checkOnly?: boolean) => Promise<void> }) {
  const latest = log.programs.at(-1);
  const stored = useQuery({
    queryKey: ['job', job.id, 'program', latest?.hash ?? ''], enabled: log.seq > 0 && (!!latest || terminal(log.status) || job.kind === 'execute'),
    queryFn: () => take(api.GET('/api/v1/jobs/{job}/program', { params: { path: { job: job.id } } })),
    retry: false,
  });
  if (log.draft && !terminal(log.status)) return <Draft text={unfenced(log.draft)} />;
  if (stored.data) return <Program key={job.id} job={job} code={stored.data.code} failedLine={log.failure?.line} onRun={onRun} />;
  if (stored.isFetching) return <Loading what="the program" />;
  if (stored.isError && terminal(log.status) && latest) return <Problem error={stored.error} what="The program" retry={() => void stored.refetch()} />;
  return <Empty title="There is no program">{terminal(log.status) ? 'This job ended before a program was written.' : 'It appears here while it is written.'}</Empty>;
}

function Program({ job, code, failedLine, onRun }: { job: Job; code: string; failedLine?: number; onRun: (code: string, checkOnly?: boolean) => Promise<void> }) {
  const [edited, setEdited] = useKept(`orcray.program.${job.id}`);
  const [busy, setBusy] = useState<'run' | 'check' | null>(null);
  const [error, setError] = useState('');
  const input = useRef<HTMLInputElement>(null);
  const notify = useNotify();
  const limit = useQuery(settingsQuery).data?.max_program_bytes ?? 204_800;
  const value = edited ?? code;
  const changed = edited !== null && edited !== code;

  const run = async (checkOnly = false) => {
    if (busy) return;
    if (!value.trim()) return setError('The program is empty. Write one, or reset it.');
    if (new Blob([value]).size > limit) return setError(`The program is longer than ${bytes(limit)}. Shorten it.`);
    setBusy(checkOnly ? 'check' : 'run');
    setError('');
    try {
      await onRun(value, checkOnly);
    } catch (e) {
      setError(messageOf(e));
    } finally {
      setBusy(null);
    }
  };
  const loadFile = async (file: File | undefined) => {
    if (!file) return;
    if (!/\.(py|txt)$/i.test(file.name)) return setError(`${file.name} is not a program. Choose a .py or .txt file.`);
    if (file.size > limit) return setError(`${file.name} is longer than ${bytes(limit)}.`);
    setError('');
    setEdited((await file.text()).replaceAll('\r\n', '\n'));
  };
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(value);
      notify({ type: 'success', content: 'The program is on the clipboard.' });
    } catch {
      setError('The browser does not give access to the clipboard. Save the program as a file instead.');
    }
  };
  return (
    <SpaceBetween size="s">
      <div className="oc-bar">
        <SpaceBetween size="xs" direction="horizontal">
          <Button variant="primary" iconName="caret-right-filled" loading={busy === 'run'} onClick={() => void run()}>{changed ? 'Check and run' : 'Run again'}</Button>
          <Button iconName="check" loading={busy === 'check'} onClick={() => void run(true)}>Check only</Button>
          <Button iconName="undo" disabled={!changed} onClick={() => setEdited(null)}>Reset</Button>
          {changed && <Badge color="blue">Changed</Badge>}
        </SpaceBetween>
        <SpaceBetween size="xs" direction="horizontal">
          <Button iconName="copy" onClick={() => void copy()}>Copy</Button>
          <Button iconName="download" onClick={() => save(fileName(job.prompt ?? 'program', 'py'), value, 'text/x-python;charset=utf-8')}>Save .py</Button>
          <Button iconName="upload" onClick={() => input.current?.click()}>Load</Button>
          <input ref={input} type="file" hidden accept=".py,.txt" data-testid="program-file" onChange={e => { void loadFile(e.target.files?.[0]); e.target.value = ''; }} />
        </SpaceBetween>
      </div>
      {error && <Alert type="error" dismissible onDismiss={() => setError('')}>{error}</Alert>}
      <Suspense fallback={<pre className="oc-text oc-lines">{value}</pre>}>
        <CodeEditor value={value} onChange={v => setEdited(v === code ? null : v)} onRun={() => void run()} label="Program" failedLine={changed ? undefined : failedLine} />
      </Suspense>
      <Box fontSize="body-s" color="text-body-secondary">
        Running it makes a new job with the same files: the program is proven on their samples first, and only then run on all rows. “Check only” stops after the proof. Ctrl+Enter runs it. Escape, then Tab, leaves the editor.
      </Box>
    </SpaceBetween>
  );
}
