import { useEffect, useState } from 'react';
import { useQuery } from '@tanstack/react-query';
import Box from '@cloudscape-design/components/box';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';
import { Elapsed } from '../../app/StatusLabel.tsx';
import { attemptsQuery, type Attempt } from '../../app/queries.ts';
import { Empty, Loading, Problem } from '../../app/states.tsx';
import DiffView from '../editor/DiffView.tsx';
import { sentence } from '../failure/words.ts';

const origins: Record<string, string> = {
  model: 'written by the model', repair: 'repaired by orcray', given: 'given by you', rerun: 'the same program again, because its run was lost',
};

const verdicts: Record<string, { type: StatusIndicatorProps.Type; text: string }> = {
  passed: { type: 'success', text: 'Proven' }, failed: { type: 'error', text: 'Failed' }, lost: { type: 'warning', text: 'Lost' },
  stopped: { type: 'stopped', text: 'Stopped' }, timed_out: { type: 'warning', text: 'Timed out' },
};

export const Verdict = ({ verdict }: { verdict?: string }) => {
  const v = verdicts[verdict ?? ''] ?? { type: 'pending' as const, text: 'No verdict yet' };
  return <StatusIndicator type={v.type}>{v.text}</StatusIndicator>;
};

/** Every program of a job, why each was replaced, and what changed between any two. seen grows while the job goes on. */
export default function AttemptsTab({ job, seen }: { job: string; seen: number }) {
  const attempts = useQuery(attemptsQuery(job));
  const { refetch } = attempts;
  useEffect(() => { if (seen) void refetch(); }, [seen, refetch]);
  if (attempts.isPending) return <Loading what="the attempts" />;
  if (attempts.isError && !attempts.data) return <Problem error={attempts.error} what="The attempts" retry={() => void attempts.refetch()} />;
  const list = attempts.data.filter(a => a.code);
  if (!list.length) return <Empty title="No attempt yet">A program that is written, repaired or given appears here with its verdict.</Empty>;
  return (
    <SpaceBetween size="l">
      <ol className="oc-list" aria-label="Attempts">{list.map(a => <AttemptCard key={a.number} attempt={a} />)}</ol>
      {list.length > 1 && <Comparison list={list} />}
    </SpaceBetween>
  );
}

function AttemptCard({ attempt: a }: { attempt: Attempt }) {
  return (
    <li className="oc-card">
      <div className="oc-card-head">
        <Box variant="strong">Attempt {a.number}</Box>
        <Verdict verdict={a.verdict} />
      </div>
      <Box color="text-body-secondary" fontSize="body-s">
        {origins[a.origin] ?? a.origin}{a.change && `: ${a.change}`}{a.finished_at && <> · <Elapsed from={a.started_at} to={a.finished_at} /></>}
      </Box>
      {a.failure && <Box><span className="oc-wrap">{sentence(a.failure)}</span></Box>}
    </li>
  );
}

function Comparison({ list }: { list: Attempt[] }) {
  const [left, setLeft] = useState(String(list.at(-2)!.number));
  const [right, setRight] = useState(String(list.at(-1)!.number));
  const options = list.map(a => ({ value: String(a.number), label: `Attempt ${a.number}` }));
  const of = (n: string) => list.find(a => String(a.number) === n)?.code ?? '';
  const pick = (label: string, value: string, set: (v: string) => void) => (
    <FormField label={label}>
      <Select selectedOption={options.find(o => o.value === value) ?? null} options={options} onChange={e => set(e.detail.selectedOption.value!)} />
    </FormField>
  );
  return (
    <SpaceBetween size="s">
      <Header variant="h3">What changed</Header>
      <SpaceBetween size="m" direction="horizontal">{pick('From', left, setLeft)}{pick('To', right, setRight)}</SpaceBetween>
      <DiffView a={of(left)} b={of(right)} left={`Attempt ${left}`} right={`Attempt ${right}`} />
    </SpaceBetween>
  );
}
