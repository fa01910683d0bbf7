// What the pages ask the server for, with the keys under which it is kept.
import { QueryClient, queryOptions } from '@tanstack/react-query';
import { api, ApiError, take, type Schemas } from '../api/client.ts';

export type Job = Schemas['JobView'];
export type Session = Schemas['SessionView'];
export type Source = Schemas['Source'];
export type Attempt = Schemas['Attempt'];
export type Model = Schemas['Listed'];

/** What a job is called: its question, or the question of the job whose program it runs. */
export function titleOf(job: Job, others: Job[] = []): string {
  if (job.prompt) return job.prompt;
  const seen = new Set<Job>();
  let from: Job | undefined = job;
  while (from && !from.prompt && !seen.has(from)) {
    seen.add(from);
    const id: string | undefined = from.from_job;
    from = others.find(j => j.id === id);
  }
  const what = job.check_only ? 'Check of a program' : 'Program';
  return from?.prompt ? `${what} from: ${from.prompt}` : what;
}

/** A refusal stays one; only what can succeed later is tried again. */
const again = (tries: number, e: Error) => tries < 2 && (!(e instanceof ApiError) || e.status === 0 || e.status >= 500);

export const queryClient = new QueryClient({
  defaultOptions: { queries: { staleTime: 10_000, retry: again, networkMode: 'always' }, mutations: { networkMode: 'always' } },
});

const path = <T extends Record<string, string>>(p: T) => ({ params: { path: p } });

export const meQuery = queryOptions({ queryKey: ['me'], staleTime: 5 * 60_000, queryFn: () => take(api.GET('/api/v1/auth/me')) });

export const modelsQuery = queryOptions({ queryKey: ['models'], staleTime: 60_000, queryFn: async () => (await take(api.GET('/api/v1/models'))).items });

export const settingsQuery = queryOptions({ queryKey: ['settings'], staleTime: 5 * 60_000, queryFn: () => take(api.GET('/api/v1/settings')) });

/** The state of the cluster: every 30 s, and whenever the tab is looked at again. */
export const rayQuery = queryOptions({
  queryKey: ['ray', 'status'], queryFn: () => take(api.GET('/api/v1/ray/status')), refetchInterval: 30_000, refetchOnWindowFocus: 'always',
});

export const healthQuery = queryOptions({
  queryKey: ['health'],
  queryFn: async () => {
    const { data, error, response } = await api.GET('/api/v1/health');
    if (!data && response.status !== 503) throw new ApiError(response.status, 'The state of the system cannot be read.');
    return (data ?? error) as unknown as Schemas['Health']; // "down" comes as 503, with the same body
  },
  refetchInterval: 15_000,
});

export const sessionQuery = (session: string) => queryOptions({
  queryKey: ['session', session],
  queryFn: async () => {
    const answer = await api.GET('/api/v1/sessions/{session}', path({ session }));
    return { ...(await take(Promise.resolve(answer))), etag: answer.response.headers.get('ETag') ?? '' };
  },
});

export const sourcesQuery = (session: string) => queryOptions({
  queryKey: ['session', session, 'sources'],
  queryFn: async () => (await take(api.GET('/api/v1/sessions/{session}/sources', path({ session })))).items,
});

/** The key of a change of the ticks that is on its way to the server. */
export const choiceKey = (session: string) => ['choice', session];

/** Asks for the sources again, once no change of the ticks is on its way: until then the page knows more than the server. */
export async function refreshSources(client: QueryClient, session: string) {
  const choosing = () => client.isMutating({ mutationKey: choiceKey(session) }) > 0;
  if (choosing()) {
    await new Promise<void>(resolve => {
      const stop = client.getMutationCache().subscribe(() => { if (!choosing()) { stop(); resolve(); } });
    });
  }
  await client.invalidateQueries({ queryKey: sourcesQuery(session).queryKey });
}

export const examplesQuery = (session: string, selection: string) => queryOptions({
  queryKey: ['session', session, 'examples', selection], staleTime: 60_000,
  queryFn: async () => (await take(api.GET('/api/v1/sessions/{session}/examples', path({ session })))).items,
});

/** The jobs of a session, the oldest first, as a conversation is read. */
export const sessionJobsQuery = (session: string) => queryOptions({
  queryKey: ['session', session, 'jobs'],
  queryFn: async () => (await take(api.GET('/api/v1/jobs', { params: { query: { session_id: session, limit: 200 } } }))).items.reverse(),
  refetchOnWindowFocus: 'always',
});

export const jobQuery = (job: string) => queryOptions({
  queryKey: ['job', job], queryFn: () => take(api.GET('/api/v1/jobs/{job}', path({ job }))),
});

export const attemptsQuery = (job: string) => queryOptions({
  queryKey: ['job', job, 'attempts'], queryFn: async () => (await take(api.GET('/api/v1/jobs/{job}/attempts', path({ job })))).items,
});

export const resultQuery = (job: string) => queryOptions({
  queryKey: ['job', job, 'result'], staleTime: Infinity, queryFn: () => take(api.GET('/api/v1/jobs/{job}/result', path({ job }))),
});

export const stopJob = (job: string) => take(api.POST('/api/v1/jobs/{job}/stop', path({ job })));

export async function deleteJob(job: string) {
  await take(api.DELETE('/api/v1/jobs/{job}', path({ job })));
}

/** Starts a job. The key makes a repeated request give the same job, however often the network breaks. */
export const startJob = (body: Schemas['CreateJob']) =>
  take(api.POST('/api/v1/jobs', { params: { header: { 'Idempotency-Key': crypto.randomUUID() } }, body }));

export const createSession = (name = '') => take(api.POST('/api/v1/sessions', { body: name ? { name } : {} }));

export async function renameSession(session: string, name: string) {
  await take(api.PATCH('/api/v1/sessions/{session}', { ...path({ session }), body: { name } }));
}

export async function deleteSession(session: string) {
  await take(api.DELETE('/api/v1/sessions/{session}', path({ session })));
}
