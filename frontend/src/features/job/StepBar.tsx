import Steps, { type StepsProps } from '@cloudscape-design/components/steps';
import { Elapsed } from '../../app/StatusLabel.tsx';
import { useMedia } from '../../app/media.ts';
import type { Job } from '../../app/queries.ts';
import { sentence } from '../failure/words.ts';
import type { JobLog } from '../live/jobLog.ts';
import { shownSteps, type ShownStep } from './steps.ts';

const looks: Record<ShownStep['state'], { status: StepsProps.Step['status']; label: string }> = {
  pending: { status: 'pending', label: 'To come' },
  running: { status: 'loading', label: 'Running' },
  done: { status: 'success', label: 'Done' },
  failed: { status: 'error', label: 'Failed' },
  stopped: { status: 'stopped', label: 'Stopped' },
};

const brief = (text: string) => (text.length > 140 ? `${text.slice(0, 140)}…` : text);

export default function StepBar({ log, job }: { log: JobLog; job: Pick<Job, 'kind' | 'check_only'> }) {
  const steps = shownSteps(log, job);
  const roomy = useMedia('(min-width: 1200px)') && steps.length <= 5;
  return (
    <Steps ariaLabel="Steps of this job" orientation={roomy ? 'horizontal' : 'vertical'}
      steps={steps.map(s => ({
        header: s.name,
        status: looks[s.state].status,
        statusIconAriaLabel: looks[s.state].label,
        details: s.run && (
          <span className="oc-step">
            <Elapsed from={s.run.started} to={s.run.ended} />
            {s.run.note && <span> · {s.run.note}</span>}
            {s.run.failure && s.run.step === 'validate' && <span className="oc-wrap"> · {brief(sentence(s.run.failure))}</span>}
          </span>
        ),
      }))} />
  );
}
