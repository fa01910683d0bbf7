import { useEffect, useRef } from 'react';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { when } from '../../app/format.ts';
import { jobQuery, sessionJobsQuery, titleOf, type Job } from '../../app/queries.ts';
import { Empty, Loading, Problem } from '../../app/states.tsx';
import { StatusLabel } from '../../app/StatusLabel.tsx';
import JobView, { type JobActions } from '../../features/job/JobView.tsx';
import { terminal } from '../../features/live/events.ts';

/** The jobs of a session as they were asked. One is open: that of the address, or else the last. */
export default function Conversation({ session, job: wanted, actions }: { session: string; job?: string; actions: JobActions }) {
  const jobs = useQuery({
    ...sessionJobsQuery(session),
    refetchInterval: q => (q.state.data?.some(j => !terminal(j.status)) ? 4_000 : false),
  });
  const list = jobs.data ?? [];
  const open = wanted ?? list.at(-1)?.id;
  const known = list.find(j => j.id === open);
  const other = useQuery({ ...jobQuery(wanted ?? ''), enabled: !!wanted && jobs.isSuccess && !known });
  const place = useRef<HTMLLIElement>(null);
  useEffect(() => { if (wanted) place.current?.scrollIntoView({ block: 'nearest' }); }, [wanted, known?.id]);

  if (jobs.isPending) return <Loading what="the conversation" />;
  if (jobs.isError && !jobs.data) return <Problem error={jobs.error} what="The conversation" retry={() => void jobs.refetch()} />;
  if (other.isError && !other.data) return <Problem error={other.error} what="The job" retry={() => void other.refetch()} />;
  if (!list.length && !wanted) return <Empty title="Nothing was asked yet">Tick a file and write a question below. The answer comes with the program that gave it.</Empty>;
  return (
    <ol className="oc-list oc-conversation" aria-label="Questions of this session">
      {list.map(j => (
        <li key={j.id} ref={j.id === open ? place : undefined}>
          {j.id === open ? <JobView job={j} title={titleOf(j, list)} actions={actions} /> : <Closed job={j} session={session} title={titleOf(j, list)} />}
        </li>
      ))}
      {!known && other.data && <li><JobView job={other.data} title={titleOf(other.data)} actions={actions} /></li>}
    </ol>
  );
}

function Closed({ job, session, title }: { job: Job; session: string; title: string }) {
  return (
    <Link className="oc-closed" to={`/ask/${session}/${job.id}`}>
      <span className="oc-closed-question">{title}</span>
      <SpaceBetween size="s" direction="horizontal">
        <StatusLabel status={job.status} stopping={job.stopping} />
        <span className="oc-faint">{when(job.created_at)}</span>
      </SpaceBetween>
    </Link>
  );
}
