import { useState } from 'react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useSearchParams } from 'react-router';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';
import Table from '@cloudscape-design/components/table';
import Toggle from '@cloudscape-design/components/toggle';
import { api, messageOf, take } from '../../api/client.ts';
import { duration, when } from '../../app/format.ts';
import { useNotify } from '../../app/notify.tsx';
import { Empty, Loading, Problem } from '../../app/states.tsx';

interface RayJob { id: string; status: string; message: string; started?: number; ended?: number }

const looks: Record<string, StatusIndicatorProps.Type> = { PENDING: 'pending', RUNNING: 'in-progress', SUCCEEDED: 'success', FAILED: 'error', STOPPED: 'stopped' };
const word = (s: string) => s.charAt(0) + s.slice(1).toLowerCase();
const running = (j: RayJob) => j.status === 'PENDING' || j.status === 'RUNNING';

/** Takes what is shown of a job: as orcray tells it, or as Ray does; either may leave any of it out. */
export function read(raw: { [key: string]: unknown }): RayJob {
  const text = (...keys: string[]) => keys.map(k => raw[k]).find((v): v is string => typeof v === 'string' && v !== '') ?? '';
  const time = (...keys: string[]) => {
    const found = keys.map(k => raw[k]).find(v => typeof v === 'string' || typeof v === 'number');
    const ms = typeof found === 'string' ? Date.parse(found) : found;
    return ms && ms > 0 ? ms : undefined; // a job that has not ended has no time, or the year 1
  };
  return {
    id: text('id', 'submission_id', 'job_id'), status: text('status') || 'PENDING', message: text('message'),
    started: time('start', 'start_time'), ended: time('end', 'end_time'),
  };
}

/** The cluster's own jobs, newest first: their logs, and a way to stop them. For administrators. */
export default function RayJobs({ connected }: { connected: boolean }) {
  const client = useQueryClient();
  const notify = useNotify();
  const [query, setQuery] = useSearchParams();
  const [stopping, setStopping] = useState('');
  const onlyRunning = query.get('jobs') === 'running';
  const shown = query.get('job');
  const jobs = useQuery({
    queryKey: ['ray', 'jobs'], refetchInterval: 5_000,
    queryFn: async () => (await take(api.GET('/api/v1/ray/jobs'))).jobs.map(read).sort((a, b) => (b.started ?? 0) - (a.started ?? 0)),
  });
  const set = (key: string, value: string | null) => setQuery(q => {
    const next = new URLSearchParams(q);
    if (value) next.set(key, value);
    else next.delete(key);
    return next;
  }, { replace: true });
  const stop = async (j: RayJob) => {
    setStopping(j.id);
    try {
      await take(api.POST('/api/v1/ray/jobs/{id}/stop', { params: { path: { id: j.id } } }));
      notify({ type: 'success', content: `${j.id} is being stopped.` });
    } catch (e) {
      notify({ type: 'error', header: `${j.id} was not stopped`, content: messageOf(e) });
    }
    setStopping('');
    await client.invalidateQueries({ queryKey: ['ray'] });
  };
  if (jobs.isError && !jobs.data) return <Problem error={jobs.error} what="Ray’s jobs" retry={() => void jobs.refetch()} />;
  const items = (jobs.data ?? []).filter(j => !onlyRunning || running(j));
  return (
    <>
      <Table items={items} trackBy="id" wrapLines loading={jobs.isPending} loadingText="Loading Ray’s jobs" ariaLabels={{ tableLabel: 'Ray jobs' }}
        header={<Header counter={`(${items.length})`} actions={<Toggle checked={onlyRunning} onChange={e => set('jobs', e.detail.checked ? 'running' : null)}>Running only</Toggle>}>Ray jobs</Header>}
        empty={<Empty title={onlyRunning ? 'No job runs on the cluster' : 'No jobs on the cluster'}>{connected ? 'Programs that read large data appear here while they run.' : 'The cluster does not run now; questions about small files need cells only.'}</Empty>}
        columnDefinitions={[
          { id: 'id', header: 'Id', isRowHeader: true, minWidth: 240, cell: j => <span className="oc-id">{j.id}</span> },
          { id: 'status', header: 'Status', minWidth: 120, cell: j => <StatusIndicator type={looks[j.status] ?? 'info'}>{word(j.status)}</StatusIndicator> },
          { id: 'started', header: 'Started', minWidth: 170, cell: j => (j.started ? when(new Date(j.started).toISOString()) : '–') },
          { id: 'took', header: 'Took', minWidth: 90, cell: j => (j.started && j.ended ? duration(j.ended - j.started) : '–') },
          { id: 'actions', header: 'Actions', minWidth: 140, cell: j => (
            <SpaceBetween size="s" direction="horizontal">
              <Button variant="inline-link" ariaLabel={`Log of ${j.id}`} onClick={() => set('job', j.id)}>Log</Button>
              {running(j) && <Button variant="inline-link" ariaLabel={`Stop ${j.id}`} loading={stopping === j.id} onClick={() => void stop(j)}>Stop</Button>}
            </SpaceBetween>
          ) },
        ]} />
      {shown && <RayLog id={shown} live={items.some(j => j.id === shown && running(j))} onClose={() => set('job', null)} />}
    </>
  );
}

function RayLog({ id, live, onClose }: { id: string; live: boolean; onClose: () => void }) {
  const log = useQuery({ queryKey: ['ray', 'log', id], refetchInterval: live ? 3_000 : false, queryFn: () => take(api.GET('/api/v1/ray/jobs/{id}/logs', { params: { path: { id } } })) });
  return (
    <Modal visible size="max" header={`Log of ${id}`} onDismiss={onClose} closeAriaLabel="Close the log">
      {log.isPending ? <Loading what="the log" /> : !log.data ? <Problem error={log.error} what="The log" retry={() => void log.refetch()} />
        : log.data.logs ? <pre className="oc-text" tabIndex={0} role="region" aria-label="Log of the Ray job">{log.data.logs.slice(-500_000)}</pre>
        : <Box color="text-body-secondary">Nothing stands in Ray’s own log. What a program printed stands in the log of its job, in the history.</Box>}
    </Modal>
  );
}
