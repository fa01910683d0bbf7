import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { Link, useSearchParams } from 'react-router';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import Tabs from '@cloudscape-design/components/tabs';
import { messageOf } from '../../api/client.ts';
import { plural, when } from '../../app/format.ts';
import { useAnnounce, useNotify } from '../../app/notify.tsx';
import { refreshSources, stopJob, type Job } from '../../app/queries.ts';
import { Elapsed, StatusLabel } from '../../app/StatusLabel.tsx';
import type { Link as LiveLink } from '../live/follow.ts';
import { terminal } from '../live/events.ts';
import { useJobLog } from '../live/useJobLog.ts';
import AnswerTab from './AnswerTab.tsx';
import StepBar from './StepBar.tsx';
import { saying } from './steps.ts';

const ProgramTab = lazy(() => import('./ProgramTab.tsx'));
const AttemptsTab = lazy(() => import('./AttemptsTab.tsx'));
const ReadsTab = lazy(() => import('./ReadsTab.tsx'));
const LogTab = lazy(() => import('./LogTab.tsx'));

export const tabs = ['answer', 'program', 'attempts', 'reads', 'log'];

export interface JobActions {
  onRun: (job: Job, code: string, checkOnly?: boolean) => Promise<void>;
  onAgain: (job: Job) => void;
  onAsk: (job: Job) => void;
  onSources: () => void;
}

/** One job, live: its steps, and the tabs of what came out of it. The chosen tab stands in the address. */
export default function JobView({ job, title, actions }: { job: Job; title: string; actions: JobActions }) {
  const client = useQueryClient();
  const announce = useAnnounce();
  const [query, setQuery] = useSearchParams();
  const { log, link } = useJobLog(job.id, () => {
    void client.invalidateQueries({ queryKey: ['job', job.id] });
    void client.invalidateQueries({ queryKey: ['session', job.session_id], predicate: q => q.queryKey[2] !== 'sources' });
    void refreshSources(client, job.session_id);
  });
  const ended = terminal(log.status);
  const said = saying(log, job.check_only);
  const watched = useRef(false);
  useEffect(() => {
    if (!ended && log.seq) watched.current = true;
    if (watched.current && log.seq) announce(said);
  }, [said, ended, log.seq, announce]);

  const tab = tabs.includes(query.get('tab') ?? '') ? query.get('tab')! : 'answer';
  const show = (id: string) => setQuery(q => {
    const next = new URLSearchParams(q);
    if (id === 'answer') next.delete('tab');
    else next.set('tab', id);
    return next;
  }, { replace: true });
  const wait = (content: React.ReactNode) => <Suspense fallback={<Spinner />}>{content}</Suspense>;
  const count = (n: number) => (n ? ` (${n})` : '');
  return (
    <Container header={<JobHeader job={job} title={title} status={log.seq ? log.status : job.status} place={log.place || job.ran_in} link={link} />}>
      <SpaceBetween size="m">
        {log.seq === 0 && link === 'gone' ? <StatusIndicator type="warning">This job is gone: it was deleted.</StatusIndicator> : <StepBar log={log} job={job} />}
        <Tabs activeTabId={tab} onChange={e => show(e.detail.activeTabId)} ariaLabel="Parts of this job" tabs={[
          { id: 'answer', label: 'Answer', content: <AnswerTab job={job} log={log} onEdit={log.programs.length || job.kind === 'execute' ? () => show('program') : undefined} onAsk={job.prompt ? () => actions.onAsk(job) : undefined} onAgain={() => actions.onAgain(job)} onSources={actions.onSources} /> },
          { id: 'program', label: 'Program', content: wait(<ProgramTab job={job} log={log} onRun={(code, checkOnly) => actions.onRun(job, code, checkOnly)} />) },
          { id: 'attempts', label: `Attempts${count(log.programs.length)}`, content: wait(<AttemptsTab job={job.id} seen={log.programs.length + log.steps.length} />) },
          { id: 'reads', label: 'Data read', content: wait(<ReadsTab reads={log.reads} job={job} running={!ended} />) },
          { id: 'log', label: 'Log', content: wait(<LogTab lines={log.lines} running={!ended} name={`job-${job.id}`} />) },
        ]} />
      </SpaceBetween>
    </Container>
  );
}

function LinkState({ link }: { link: LiveLink }) {
  if (link === 'waiting') return <StatusIndicator type="warning">{navigator.onLine ? 'Reconnecting' : 'Offline'}</StatusIndicator>;
  if (link === 'polling') return <StatusIndicator type="info">Live, in steps</StatusIndicator>;
  if (link === 'live') return <span className="oc-live">Live</span>;
  return null;
}

function JobHeader({ job, title, status, place, link }: { job: Job; title: string; status: Job['status']; place?: string; link: LiveLink }) {
  const notify = useNotify();
  const client = useQueryClient();
  const [stopping, setStopping] = useState(false);
  const stop = async () => {
    setStopping(true);
    try {
      await stopJob(job.id);
      void client.invalidateQueries({ queryKey: ['session', job.session_id, 'jobs'] });
    } catch (e) {
      setStopping(false);
      notify({ type: 'error', header: 'The job was not stopped', content: messageOf(e) });
    }
  };
  const running = !terminal(status);
  return (
    <div className="oc-job-head">
      <h2 className="oc-question">{title}</h2>
      {running && <Button iconName="status-stopped" loading={stopping} loadingText="Stopping" onClick={() => void stop()}>Stop</Button>}
      <div className="oc-job-facts">
        <StatusLabel status={status} stopping={stopping || job.stopping} />
        {running && <LinkState link={link} />}
        {job.started_at && <span><Elapsed from={job.started_at} to={running ? undefined : job.completed_at ?? job.started_at} /></span>}
        {place && place !== 'auto' && <span>in {place === 'cell' ? 'a cell' : 'the cluster'}</span>}
        {job.check_only && <span>check only</span>}
        {job.iterations > 0 && <span>{plural(job.iterations, 'validation')}</span>}
        {job.model && <span>{job.model}</span>}
        {job.sources.length > 0 && <span>{job.sources.map(s => s.name).join(', ')}</span>}
        {job.from_job && <span>from <Link to={`/ask/${job.session_id}/${job.from_job}`}>an earlier job</Link></span>}
        <span>{when(job.created_at)}</span>
        <Box variant="span" color="text-body-secondary" fontSize="body-s"><span className="oc-id" title="Job id">{job.id}</span></Box>
      </div>
    </div>
  );
}
