import { useQuery } from '@tanstack/react-query';
import { Link, useSearchParams } from 'react-router';
import Box from '@cloudscape-design/components/box';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { duration, number, when } from '../../app/format.ts';
import { usePage } from '../../app/page.ts';
import { attemptsQuery, jobQuery, resultQuery, titleOf, type Job } from '../../app/queries.ts';
import { Empty, Loading, Problem } from '../../app/states.tsx';
import { StatusLabel } from '../../app/StatusLabel.tsx';
import DiffView from '../../features/editor/DiffView.tsx';
import FailureView from '../../features/failure/FailureView.tsx';
import { Verdict } from '../../features/job/AttemptsTab.tsx';
import type { Output } from '../../features/live/events.ts';
import Outputs from '../../features/results/Outputs.tsx';

/** One side of a comparison: a job, and which of its attempts; without a number it is the last. */
function useSide(text: string | null) {
  const [id = '', attempt] = (text ?? '').split(':');
  const job = useQuery({ ...jobQuery(id), enabled: !!id });
  const attempts = useQuery({ ...attemptsQuery(id), enabled: !!id });
  const list = (attempts.data ?? []).filter(a => a.code);
  const chosen = list.find(a => String(a.number) === attempt) ?? list.at(-1);
  return { id, job, attempts, list, chosen, error: (job.data ? null : job.error) ?? (attempts.data ? null : attempts.error) };
}

type Side = ReturnType<typeof useSide>;

/** Two jobs, or two attempts, side by side: what became of them, and how their programs differ. */
export default function ComparePage() {
  usePage('Compare');
  const [query, setQuery] = useSearchParams();
  const [a, b] = [useSide(query.get('a')), useSide(query.get('b'))];
  const choose = (side: 'a' | 'b', id: string, attempt: string) => setQuery(q => {
    const next = new URLSearchParams(q);
    next.set(side, `${id}:${attempt}`);
    return next;
  }, { replace: true });
  if (!a.id || !b.id) return <><Header variant="h1">Compare</Header><Empty title="Nothing to compare" action={<Link className="oc-link" to="/history">Go to the history</Link>}>Choose two jobs in the history, then “Compare”.</Empty></>;
  const error = a.error ?? b.error;
  if (error) return <><Header variant="h1">Compare</Header><Problem error={error} what="The comparison" /></>;
  if (!a.job.data || !b.job.data || a.attempts.isPending || b.attempts.isPending) return <Loading what="the comparison" />;
  const name = (s: Side, letter: string) => `${letter}: attempt ${s.chosen?.number ?? '–'}`;
  return (
    <SpaceBetween size="l">
      <Header variant="h1">Compare</Header>
      <ColumnLayout columns={2}>
        <Facts side={a} letter="A" onChoose={n => choose('a', a.id, n)} />
        <Facts side={b} letter="B" onChoose={n => choose('b', b.id, n)} />
      </ColumnLayout>
      <Container header={<Header variant="h2">Programs</Header>}>
        {a.chosen && b.chosen ? <DiffView a={a.chosen.code} b={b.chosen.code} left={name(a, 'A')} right={name(b, 'B')} />
          : <Box color="text-body-secondary">One of the two has no program.</Box>}
      </Container>
      <ColumnLayout columns={2}>
        <Outcome job={a.job.data} letter="A" />
        <Outcome job={b.job.data} letter="B" />
      </ColumnLayout>
    </SpaceBetween>
  );
}

function Facts({ side, letter, onChoose }: { side: Side; letter: string; onChoose: (attempt: string) => void }) {
  const j = side.job.data!;
  const options = side.list.map(x => ({ value: String(x.number), label: `Attempt ${x.number}` }));
  return (
    <Container header={<Header variant="h2" description={<Link className="oc-link" to={`/ask/${j.session_id}/${j.id}`}>Open this job</Link>}>{letter}: {titleOf(j)}</Header>}>
      <SpaceBetween size="m">
        <KeyValuePairs columns={2} items={[
          { label: 'Status', value: <StatusLabel status={j.status} /> },
          { label: 'Asked', value: when(j.created_at) },
          { label: 'Took', value: j.started_at && j.completed_at ? duration(Date.parse(j.completed_at) - Date.parse(j.started_at)) : '–' },
          { label: 'Running time', value: duration(j.cost.run_seconds * 1000) },
          { label: 'Validations', value: number(j.iterations) },
          { label: 'Files', value: j.sources.map(s => s.name).join(', ') || '–' },
        ]} />
        {side.chosen && (
          <FormField label={`Attempt of ${letter}`}>
            <SpaceBetween size="xs" direction="horizontal" alignItems="center">
              <Select options={options} selectedOption={options.find(o => o.value === String(side.chosen!.number)) ?? null} onChange={e => onChoose(e.detail.selectedOption.value!)} />
              <Verdict verdict={side.chosen.verdict} />
            </SpaceBetween>
          </FormField>
        )}
      </SpaceBetween>
    </Container>
  );
}

function Outcome({ job, letter }: { job: Job; letter: string }) {
  const result = useQuery({ ...resultQuery(job.id), enabled: job.status === 'completed' });
  return (
    <Container header={<Header variant="h2">Answer of {letter}</Header>}>
      {job.failure ? <FailureView failure={job.failure} job={job.id} />
        : result.data ? <Outputs outputs={result.data.outputs as unknown as Output[]} job={job.id} title={job.prompt || 'program'} label={`Answer of ${letter}`} />
        : result.isError ? <Problem error={result.error} what="The answer" retry={() => void result.refetch()} />
        : job.status === 'completed' ? <Loading what="the answer" /> : <Box color="text-body-secondary">There is no answer.</Box>}
    </Container>
  );
}
