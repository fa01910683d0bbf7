import { afterEach, expect, test, vi } from 'vitest';
import { authorized } from './client.ts';

afterEach(() => vi.unstubAllGlobals());

test('O52 every request begins a trace of its own', async () => {
  const sent: string[] = [];
  vi.stubGlobal('fetch', (request: Request) => {
    sent.push(request.headers.get('traceparent') ?? '');
    return Promise.resolve(new Response('{}'));
  });
  await authorized(new Request('http://orcray.test/api/v1/health'));
  await authorized(new Request('http://orcray.test/api/v1/health'));
  for (const trace of sent) expect(trace).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  expect(new Set(sent).size).toBe(2);
});
