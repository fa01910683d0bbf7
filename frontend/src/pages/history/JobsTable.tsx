import { lazy, Suspense, useMemo, useState } from 'react';
import { useCollection } from '@cloudscape-design/collection-hooks';
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearchParams } from 'react-router';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import PropertyFilter from '@cloudscape-design/components/property-filter';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { api, messageOf, take } from '../../api/client.ts';
import { duration, plural, when } from '../../app/format.ts';
import { useNotify } from '../../app/notify.tsx';
import { deleteJob, startJob, titleOf, type Job } from '../../app/queries.ts';
import { Empty, Loading, Problem } from '../../app/states.tsx';
import { StatusLabel, statusWord } from '../../app/StatusLabel.tsx';
import { terminal } from '../../features/live/events.ts';
import { wordsFor } from '../../features/failure/words.ts';
import { readFilter, serverPart, writeFilter } from './filters.ts';

const Confirm = lazy(() => import('./Confirm.tsx'));

const statuses: Job['status'][] = ['queued', 'processing', 'completed', 'failed', 'cancelled', 'timed_out'];

/** A job as the filter sees it: one text for each property. */
interface Row { job: Job; question: string; status: string; kind: string; session: string; model: string; source: string; failure: string }

const took = (j: Job) => (j.started_at && j.completed_at ? Date.parse(j.completed_at) - Date.parse(j.started_at) : -1);

const columns = [
  { id: 'question', header: 'Question', isRowHeader: true, minWidth: 240, cell: (r: Row) => <Link className="oc-link" to={`/ask/${r.job.session_id}/${r.job.id}`}>{r.question}</Link>, sortingField: 'question' },
  { id: 'status', header: 'Status', minWidth: 150, cell: (r: Row) => <StatusLabel status={r.job.status} stopping={r.job.stopping} />, sortingField: 'status' },
  { id: 'session', header: 'Session', minWidth: 140, cell: (r: Row) => <Link className="oc-link" to={`/ask/${r.job.session_id}`}>{r.session}</Link>, sortingField: 'session' },
  { id: 'source', header: 'Files', minWidth: 120, cell: (r: Row) => r.source || '–', sortingField: 'source' },
  { id: 'iterations', header: 'Validations', minWidth: 110, cell: (r: Row) => r.job.iterations, sortingComparator: (a: Row, b: Row) => a.job.iterations - b.job.iterations },
  { id: 'took', header: 'Took', minWidth: 90, cell: (r: Row) => (took(r.job) < 0 ? '–' : duration(took(r.job))), sortingComparator: (a: Row, b: Row) => took(a.job) - took(b.job) },
  { id: 'created', header: 'Asked', minWidth: 200, cell: (r: Row) => when(r.job.created_at), sortingComparator: (a: Row, b: Row) => a.job.created_at.localeCompare(b.job.created_at) },
];

const filteringProperties = [
  { key: 'question', propertyLabel: 'Question', groupValuesLabel: 'Questions', operators: [':', '!:', '='] },
  { key: 'status', propertyLabel: 'Status', groupValuesLabel: 'Statuses', operators: ['=', '!='] },
  { key: 'kind', propertyLabel: 'Kind', groupValuesLabel: 'Kinds', operators: ['=', '!='] },
  { key: 'session', propertyLabel: 'Session', groupValuesLabel: 'Sessions', operators: ['=', '!=', ':'] },
  { key: 'model', propertyLabel: 'Model', groupValuesLabel: 'Models', operators: ['=', '!='] },
  { key: 'source', propertyLabel: 'File', groupValuesLabel: 'Files', operators: [':', '!:'] },
  { key: 'failure', propertyLabel: 'Failure', groupValuesLabel: 'Failures', operators: ['=', '!='] },
];

function useJobs(filter: ReturnType<typeof serverPart>) {
  return useInfiniteQuery({
    queryKey: ['jobs', filter],
    initialPageParam: '',
    queryFn: ({ pageParam }) => take(api.GET('/api/v1/jobs', { params: { query: { ...filter, limit: 100, ...(pageParam && { cursor: pageParam }) } } })),
    getNextPageParam: last => last.next_cursor || undefined,
    refetchInterval: q => (q.state.data?.pages.length === 1 && q.state.data.pages[0]!.items.some(j => !terminal(j.status)) ? 5_000 : false),
  });
}

function useRows(pages: { items: Job[] }[] | undefined) {
  const sessions = useQuery({ queryKey: ['sessions', 'names'], queryFn: async () => (await take(api.GET('/api/v1/sessions', { params: { query: { limit: 200 } } }))).items });
  return useMemo<Row[]>(() => {
    const names = new Map(sessions.data?.map(s => [s.id, s.name]));
    const all = (pages ?? []).flatMap(p => p.items);
    return all.map(job => ({
      job, question: titleOf(job, all), status: job.status, kind: job.kind, session: names.get(job.session_id) || 'Session', model: job.model ?? '',
      source: job.sources.map(s => s.name).join(', '), failure: job.failure?.class ?? '',
    }));
  }, [pages, sessions.data]);
}

/** Starts the program of a job again and shows the new job. */
function useAgain() {
  const go = useNavigate();
  const notify = useNotify();
  const [busy, setBusy] = useState(false);
  const again = async (j: Job) => {
    setBusy(true);
    try {
      const next = await startJob({ kind: 'execute', session_id: j.session_id, from_job: j.id });
      void go(`/ask/${next.session_id}/${next.id}`);
    } catch (e) {
      notify({ type: 'error', header: 'It was not started', content: messageOf(e) });
    } finally {
      setBusy(false);
    }
  };
  return { again, busy };
}

/** Deletes jobs, and says how many were not. */
function useDelete() {
  const notify = useNotify();
  const client = useQueryClient();
  return async (list: Job[]) => {
    const results = await Promise.allSettled(list.map(j => deleteJob(j.id)));
    const failed = results.filter(r => r.status === 'rejected');
    void client.invalidateQueries({ queryKey: ['jobs'] });
    if (failed.length) notify({ type: 'error', header: `${plural(failed.length, 'job')} not deleted`, content: messageOf(failed[0]!.reason) });
    else notify({ type: 'success', content: `${plural(list.length, 'job')} deleted.` });
  };
}

const values = (rows: Row[], key: 'session' | 'model' | 'source' | 'failure') => [...new Set(rows.map(r => r[key]).filter(Boolean))];

/** What the filter proposes: what the rows have. */
const optionsOf = (rows: Row[]) => [
  ...statuses.map(s => ({ propertyKey: 'status', value: s, label: statusWord(s) })),
  { propertyKey: 'kind', value: 'interpret', label: 'Question' }, { propertyKey: 'kind', value: 'execute', label: 'Program' },
  ...values(rows, 'failure').map(f => ({ propertyKey: 'failure', value: f, label: wordsFor({ class: f }).title })),
  ...(['session', 'model', 'source'] as const).flatMap(k => values(rows, k).map(value => ({ propertyKey: k, value }))),
];

export default function JobsTable() {
  const go = useNavigate();
  const [params, setParams] = useSearchParams();
  const query = useMemo(() => readFilter(params.get('filter')), [params]);
  const jobs = useJobs(serverPart(query));
  const rows = useRows(jobs.data?.pages);
  const [doomed, setDoomed] = useState<Job[] | null>(null);
  const { again, busy } = useAgain();
  const remove = useDelete();

  const { items, collectionProps, propertyFilterProps, filteredItemsCount } = useCollection(rows, {
    propertyFiltering: {
      filteringProperties,
      defaultQuery: query,
      noMatch: <Empty title="No job matches" action={<Button onClick={() => change({ tokens: [], operation: 'and' })}>Clear the filter</Button>}>{jobs.hasNextPage && 'Older jobs may: load more.'}</Empty>,
      empty: <Empty title="Nothing was asked yet" action={<Button onClick={() => void go('/ask')}>Ask something</Button>}>What you ask and run appears here.</Empty>,
    },
    sorting: {},
    selection: { keepSelection: true, trackBy: r => r.job.id },
  });
  const change = (q: typeof query) => {
    propertyFilterProps.onChange({ detail: q } as never);
    const text = writeFilter(q);
    setParams(text ? { filter: text } : {}, { replace: true });
  };
  const chosen = (collectionProps.selectedItems ?? []).map(r => r.job);

  const confirmed = async (list: Job[]) => {
    await remove(list);
    setDoomed(null);
    collectionProps.onSelectionChange?.({ detail: { selectedItems: [] } } as never);
  };

  if (jobs.isError && !jobs.data) return <Problem error={jobs.error} what="The history" retry={() => void jobs.refetch()} />;
  return (
    <>
      <Table {...collectionProps} items={items} columnDefinitions={columns} selectionType="multi" variant="container" wrapLines
        loading={jobs.isPending} loadingText="Loading the history" stripedRows={false}
        ariaLabels={{ tableLabel: 'Jobs', selectionGroupLabel: 'Choose jobs', allItemsSelectionLabel: () => 'Choose all', itemSelectionLabel: (_, r) => `Choose: ${r.question}` }}
        header={
          <Header counter={`(${rows.length}${jobs.hasNextPage ? '+' : ''})`} actions={
            <SpaceBetween size="xs" direction="horizontal">
              <Button iconName="refresh" ariaLabel="Refresh" loading={jobs.isRefetching && !jobs.isFetchingNextPage} onClick={() => void jobs.refetch()} />
              <Button disabled={chosen.length !== 2} disabledReason="Choose two jobs." onClick={() => void go(`/compare?a=${chosen[0]!.id}&b=${chosen[1]!.id}`)}>Compare</Button>
              <Button disabled={chosen.length !== 1} disabledReason="Choose one job." loading={busy} onClick={() => void again(chosen[0]!)}>Run again</Button>
              <Button disabled={!chosen.length || chosen.some(j => !terminal(j.status))} disabledReason={chosen.length ? 'Stop what runs first.' : 'Choose jobs.'} onClick={() => setDoomed(chosen)}>Delete</Button>
            </SpaceBetween>
          }>Jobs</Header>
        }
        filter={
          <PropertyFilter {...propertyFilterProps} query={query} onChange={e => change(e.detail)} filteringPlaceholder="Find jobs by question, status, file…" filteringAriaLabel="Find jobs"
            countText={`${plural(filteredItemsCount ?? 0, 'match', 'matches')}`} expandToViewport
            filteringOptions={optionsOf(rows)} />
        }
        footer={jobs.hasNextPage ? <Box textAlign="center">{jobs.isFetchingNextPage ? <Loading what="older jobs" /> : <Button onClick={() => void jobs.fetchNextPage()}>Load more</Button>}</Box> : undefined}
      />
      {doomed && (
        <Suspense><Confirm title={`Delete ${plural(doomed.length, 'job')}?`} action="Delete" onCancel={() => setDoomed(null)} onConfirm={() => confirmed(doomed)}>
          Their answers, programs and logs are deleted for good. The files they read stay.
        </Confirm></Suspense>
      )}
    </>
  );
}
