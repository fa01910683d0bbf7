import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, cleanup, render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { MemoryRouter, Route, Routes } from 'react-router';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import AskPage from './AskPage.tsx';

const job = {
  id: 'j1', session_id: 's1', kind: 'interpret', status: 'processing', prompt: 'How many rows are there?', sources: [{ id: 'f1', name: 'sales.csv', uri: 'u' }],
  iterations: 0, limits: { execute_seconds: 60, validate_seconds: 60 }, created_at: '2026-01-01T00:00:00Z',
};
const source = { id: 'f1', session_id: 's1', name: 'sales.csv', state: 'ready', selected: false, pinned: false, bytes: 10 };
const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } });
const end = { seq: 1, time: '2026-01-01T00:00:01Z', type: 'status', data: { status: 'cancelled' } };

/** A server with one session, one file that is not ticked, and one job that runs. Tests replace its answers. */
class Server {
  asked: string[] = [];
  bodies: { [key: string]: unknown }[] = [];
  events!: ReadableStreamDefaultController<Uint8Array>; // of the job's log
  keep!: () => void; // lets the change of a tick be answered
  private kept = new Promise<void>(resolve => { this.keep = resolve; });
  ticked = false;
  answers: { [request: string]: () => Response | Promise<Response> } = {
    'GET /sessions/s1': () => json({ id: 's1', name: 'Sales' }),
    'GET /sessions/s1/sources': () => json({ items: [{ ...source, selected: this.ticked }] }),
    'PATCH /sessions/s1/sources/f1': async () => {
      await this.kept;
      this.ticked = true;
      return json({ ...source, selected: true });
    },
    'GET /jobs': () => json({ items: [job] }),
    'POST /jobs': () => json({ ...job, id: 'j2' }, 202),
    'GET /jobs/j1/events': () => new Response(new ReadableStream<Uint8Array>({ start: c => { this.events = c; } })),
    'GET /sessions/s1/examples': () => json({ items: [] }),
    'GET /models': () => json({ items: [] }),
  };
  fetch = async (request: Request) => {
    const name = `${request.method} ${new URL(request.url).pathname.replace('/api/v1', '')}`;
    this.asked.push(name);
    if (request.method === 'POST') this.bodies.push(await request.json() as { [key: string]: unknown });
    return this.answers[name]?.() ?? json({ detail: 'no such thing' }, 404);
  };
  count = (name: string) => this.asked.filter(a => a === name).length;
}

let server: Server;
let client: QueryClient;
beforeEach(() => {
  server = new Server();
  client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  vi.stubGlobal('fetch', server.fetch);
  render(
    <QueryClientProvider client={client}>
      <MemoryRouter initialEntries={['/ask/s1']}><Routes><Route path="ask/:session?/:job?" element={<AskPage />} /></Routes></MemoryRouter>
    </QueryClientProvider>,
  );
});
afterEach(() => { cleanup(); client.clear(); sessionStorage.clear(); vi.unstubAllGlobals(); });

const tick = () => screen.findByRole('checkbox', { name: /sales.csv/ });

/** Ticks the file; the server has the change and does not answer it. */
async function tickAgain() {
  await userEvent.click(await screen.findByRole('button', { name: 'Ask about sales.csv again' }));
  await waitFor(() => expect(server.count('PATCH /sessions/s1/sources/f1')).toBe(1));
  expect(await tick()).toBeChecked();
}

describe('R36 R59 the choice of files', () => {
  it('goes with the question as it is shown, though the server has not kept it yet', async () => {
    await tickAgain();
    await userEvent.type(screen.getByRole('textbox', { name: 'Question' }), 'How many?{Control>}{Enter}{/Control}');
    await waitFor(() => expect(server.bodies).toEqual([expect.objectContaining({ prompt: 'How many?', sources: ['f1'] })]));
  });

  it('is not taken back when a job ends while it is on its way', async () => {
    await tickAgain();
    const sources = server.count('GET /sessions/s1/sources');
    await waitFor(() => expect(server.events).toBeDefined());
    act(() => server.events.enqueue(new TextEncoder().encode(`data: ${JSON.stringify(end)}\n\n`)));
    await screen.findByText('The job was stopped'); // and at once the page asks for what may have changed
    expect(server.count('GET /sessions/s1/sources')).toBe(sources);
    expect(await tick()).toBeChecked();
    server.keep();
    await waitFor(() => expect(server.count('GET /sessions/s1/sources')).toBeGreaterThan(sources));
    await waitFor(() => expect(client.isFetching()).toBe(0));
    expect(await tick()).toBeChecked();
  });
});

it('R47 one answer that fails does not take away a conversation that is shown', async () => {
  await screen.findByRole('heading', { name: job.prompt });
  server.answers['GET /jobs'] = server.answers['GET /sessions/s1'] = () => json({ detail: 'busy' }, 503);
  await act(() => client.refetchQueries({ queryKey: ['session', 's1'] }));
  expect(client.getQueryState(['session', 's1', 'jobs'])?.status).toBe('error');
  expect(client.getQueryState(['session', 's1'])?.status).toBe('error');
  expect(screen.getByRole('heading', { name: job.prompt })).toBeVisible();
  expect(screen.queryByText(/could not be loaded/)).toBeNull();
});
