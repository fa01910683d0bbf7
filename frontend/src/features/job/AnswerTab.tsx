import { useQuery } from '@tanstack/react-query';
import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { resultQuery, type Job } from '../../app/queries.ts';
import { Loading, Problem } from '../../app/states.tsx';
import FailureView, { type FailureActions } from '../failure/FailureView.tsx';
import type { Output } from '../live/events.ts';
import { unfenced, type JobLog } from '../live/jobLog.ts';
import Outputs from '../results/Outputs.tsx';
import Draft from './Draft.tsx';
import { saying } from './steps.ts';

export default function AnswerTab({ job, log, ...actions }: { job: Job; log: JobLog } & FailureActions) {
  const title = job.prompt || 'program';
  switch (log.status) {
    case 'completed':
      if (job.check_only) return <Checked log={log} title={title} onAgain={actions.onAgain} />;
      return <Answer job={job} title={title} />;
    case 'failed':
      return log.failure || job.failure ? <FailureView failure={(log.failure ?? job.failure)!} job={job.id} {...actions} /> : <Loading what="the reason" />;
    case 'timed_out':
      return <FailureView failure={log.failure ?? { class: 'timeout', message: `It was stopped after its time limit of ${job.limits.execute_seconds} seconds.` }} job={job.id} {...actions} />;
    case 'cancelled':
      return (
        <Alert type="info" header="The job was stopped" action={actions.onAgain && <Button iconName="refresh" onClick={actions.onAgain}>Run it again</Button>}>
          Its run was ended on Ray. Nothing of it goes on.
        </Alert>
      );
    default:
      return <Underway job={job} log={log} title={title} />;
  }
}

function Answer({ job, title }: { job: Job; title: string }) {
  const result = useQuery(resultQuery(job.id));
  if (result.isPending) return <Loading what="the answer" />;
  if (result.isError && !result.data) return <Problem error={result.error} what="The answer" retry={() => void result.refetch()} />;
  return <Outputs outputs={result.data.outputs as unknown as Output[]} job={job.id} title={title} label="Answer" />;
}

/** The end of a check: what the program gave on the sample, and the way to all rows. */
function Checked({ log, title, onAgain }: { log: JobLog; title: string; onAgain?: () => void }) {
  const sample = log.outputs.filter(o => o.step === 'validate').map(o => o.output);
  return (
    <SpaceBetween size="m">
      <Alert type="success" header="The program passed its check" action={onAgain && <Button iconName="caret-right-filled" onClick={onAgain}>Run it on all rows</Button>}>
        It ran to its end on a sample of the files. It was not run on all rows, so what follows is no answer yet.
      </Alert>
      {sample.length > 0 && <Outputs outputs={sample} title={title} label="Result on the sample" />}
    </SpaceBetween>
  );
}

/** What can be shown before the answer: the program as it comes, then what it showed on the sample. */
function Underway({ job, log, title }: { job: Job; log: JobLog; title: string }) {
  const step = log.steps.at(-1);
  const sample = log.outputs.filter(o => o.step === 'validate' && o.attempt === step?.attempt).map(o => o.output);
  const full = log.outputs.filter(o => o.step === 'execute' && o.attempt === step?.attempt).map(o => o.output);
  return (
    <SpaceBetween size="m">
      <StatusIndicator type={log.status === 'queued' ? 'pending' : 'in-progress'}>{saying(log, job.check_only)}</StatusIndicator>
      {log.draft && <Draft text={unfenced(log.draft)} />}
      {full.length > 0 ? <Outputs outputs={full} title={title} label="Answer so far" />
        : sample.length > 0 && (
          <SpaceBetween size="xs">
            <Box variant="h4">On the sample</Box>
            <Box color="text-body-secondary">This is what the program gave for a part of the rows. The answer for all rows follows.</Box>
            <Outputs outputs={sample} title={title} label="Result on the sample" />
          </SpaceBetween>
        )}
    </SpaceBetween>
  );
}
