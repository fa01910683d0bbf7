import { afterEach, describe, expect, it } from 'vitest';
import type { JobEvent } from './events.ts';
import { Follower, type Link } from './follow.ts';

const total = 500;
const log: JobEvent[] = Array.from({ length: total }, (_, i) => ({
  seq: i + 1, time: '2026-01-01T00:00:00Z',
  ...(i + 1 === total ? { type: 'status' as const, data: { status: 'completed' as const } } : { type: 'log' as const, data: { stream: 'stdout', text: `line ${i + 1}\n` } }),
}));

const message = (e: JobEvent) => `id: ${e.seq}\nevent: ${e.type}\ndata: ${JSON.stringify(e)}\n\n`;

/** A body that gives pieces, and then ends, breaks, or never says anything again. */
function body(pieces: string[], after: 'end' | 'break' | 'silence', signal: AbortSignal): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder();
  const rest = [...pieces];
  return new ReadableStream({
    pull(c) { // an error drops what is queued, so it comes only after everything was read
      if (rest.length) return c.enqueue(bytes.encode(rest.shift()));
      if (after === 'end') c.close();
      if (after === 'break') c.error(new TypeError('network'));
    },
    start(c) {
      signal.addEventListener('abort', () => { try { c.error(new DOMException('aborted', 'AbortError')); } catch { /* it ended before */ } });
    },
  });
}

type Answer = (after: number, request: Request) => Response | Promise<Response>;

const running: Follower[] = [];
afterEach(() => running.splice(0).forEach(f => f.stop()));

/** Follows a log from a server that answers as told, to its end. */
function follow(stream: Answer, poll: Answer): Promise<{ seqs: number[]; links: Link[]; requests: string[] }> {
  const seqs: number[] = [];
  const links: Link[] = [];
  const requests: string[] = [];
  return new Promise(resolve => {
    const follower = new Follower({
      url: 'http://orcray.test/events', openTime: 60, quietTime: 60, gather: 0, pause: () => 0,
      fetch: async request => {
        const live = request.headers.get('Accept') === 'text/event-stream';
        const after = Number(new URL(request.url).searchParams.get('after'));
        requests.push(`${live ? 'stream' : 'poll'} ${after}`);
        expect(request.headers.get('Last-Event-ID')).toBe(String(after));
        return (live ? stream : poll)(after, request);
      },
      onEvents: events => seqs.push(...events.map(e => e.seq)),
      onLink: link => {
        links.push(link);
        if (link === 'ended' || link === 'gone') resolve({ seqs, links, requests });
      },
    });
    running.push(follower);
    follower.start();
  });
}

const events = (after: number, n: number) => log.filter(e => e.seq > after && e.seq <= after + n);
const page: Answer = after => Response.json({ events: events(after, 120), done: after + 120 >= total });
const noPoll: Answer = () => { throw new Error('nobody should poll'); };
const whole = log.map(e => e.seq);

describe('R47 following a job', () => {
  it('reads a healthy stream to its end', async () => {
    const got = await follow((after, r) => new Response(body(events(after, total).map(message), 'end', r.signal)), noPoll);
    expect(got.seqs).toEqual(whole);
    expect(got.requests).toEqual(['stream 0']);
  });

  it('goes on after broken connections, without a lost or doubled line', async () => {
    const got = await follow((after, r) => {
      const text = events(after, 90).map(message).join('');
      const cut = after + 90 >= total ? text : text.slice(0, -7); // in the middle of a message
      return new Response(body([cut], after + 90 >= total ? 'end' : 'break', r.signal));
    }, page);
    expect(got.seqs).toEqual(whole);
    expect(got.requests.filter(r => r.startsWith('stream')).length).toBeGreaterThan(2);
  });

  it('polls when a proxy holds the stream back for ever', async () => {
    const got = await follow((_, r) => new Response(body([], 'silence', r.signal)), page);
    expect(got.seqs).toEqual(whole);
    expect(got.links).toContain('polling');
  });

  it('polls when a gateway answers the stream with an error', async () => {
    const got = await follow(() => new Response('bad gateway', { status: 502 }), page);
    expect(got.seqs).toEqual(whole);
  });

  it('opens a new stream when one goes silent', async () => {
    const got = await follow((after, r) => new Response(body(events(after, 200).map(message), after + 200 >= total ? 'end' : 'silence', r.signal)), page);
    expect(got.seqs).toEqual(whole);
  });

  it('does not take over a gap', async () => {
    let first = true;
    const got = await follow((after, r) => {
      const list = events(after, total).filter(e => !(first && e.seq === 7));
      first = false;
      return new Response(body(list.map(message), 'end', r.signal));
    }, noPoll);
    expect(got.seqs).toEqual(whole);
    expect(got.requests).toEqual(['stream 0', 'stream 6']);
  });

  it('gives up on a job that is gone', async () => {
    const got = await follow(() => new Response('{}', { status: 404 }), noPoll);
    expect(got.links.at(-1)).toBe('gone');
  });
});
