import type { Job } from '../../app/queries.ts';
import type { StepName } from '../live/events.ts';
import type { JobLog, StepRun } from '../live/jobLog.ts';
import { terminal } from '../live/events.ts';

export interface ShownStep { key: string; name: string; state: 'pending' | StepRun['state']; run?: StepRun }

const names: Record<StepName, string> = {
  prepare: 'Look at the files',
  generate: 'Write the program',
  validate: 'Prove it on a sample',
  fix: 'Repair the program',
  execute: 'Run it on all rows',
  finish: 'Keep the answer',
};

/** The steps that ran, and while the job goes on those that are still to come. */
export function shownSteps(log: JobLog, job: Pick<Job, 'kind' | 'check_only'>): ShownStep[] {
  const shown: ShownStep[] = log.steps.map((run, i) => ({
    key: `${run.step}-${i}`, run, state: run.state,
    name: run.attempt > 1 && run.step === 'validate' ? `${names.validate} (attempt ${run.attempt})` : names[run.step] ?? run.step,
  }));
  if (terminal(log.status)) return shown;
  const plan: StepName[] = ['prepare', ...(job.kind === 'interpret' ? ['generate' as const] : []), 'validate', ...(job.check_only ? [] : ['execute' as const])];
  const at = log.step === 'fix' ? plan.indexOf('generate') : log.step ? plan.indexOf(log.step) : -1;
  if (log.step === 'finish') return shown;
  return [...shown, ...plan.slice(at + 1).map(s => ({ key: `${s}-next`, name: names[s], state: 'pending' as const }))];
}

/** What happens now, in one sentence; said aloud when it changes. */
export function saying(log: JobLog, checkOnly = false): string {
  switch (log.status) {
    case 'queued': return 'Waiting to start.';
    case 'completed': return checkOnly ? 'The program passed its check.' : 'The answer is there.';
    case 'failed': return 'The job failed.';
    case 'cancelled': return 'The job was stopped.';
    case 'timed_out': return 'The job ran out of time.';
  }
  const step = log.step ? names[log.step] : 'Working';
  return `${step}${log.note ? `: ${log.note}` : ''}.`;
}
