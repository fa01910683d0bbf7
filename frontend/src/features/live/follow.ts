// Follows the log of a job: server-sent events first; when these do not come through (a proxy that buffers, a gateway that
// cuts), long polls. Events are numbered without gaps, so every way back in begins after the last one that was given.
import { ApiError } from '../../api/client.ts';
import { ends, type JobEvent } from './events.ts';
import { SseParser } from './sse.ts';

export type Link = 'connecting' | 'live' | 'polling' | 'waiting' | 'ended' | 'gone';

export interface Options {
  url: string;
  fetch: (request: Request) => Promise<Response>;
  onEvents: (events: JobEvent[]) => void;
  onLink?: (link: Link) => void;
  /** How long the first byte, and then the next sign of life, may take before a stream is given up; ms. */
  openTime?: number;
  quietTime?: number;
  /** How long events are gathered before they are given together; ms. */
  gather?: number;
  /** The pause before the n-th try in a row without progress; ms. */
  pause?: (tries: number) => number;
}

const backoff = (tries: number) => Math.min(15_000, 300 * 2 ** tries) * (0.75 + Math.random() / 2);

/** A refusal that no repetition changes. */
class Gone extends Error {}

export class Follower {
  private after = 0;
  private tries = 0; // in a row, without an event
  private streamFailures = 0; // in a row, of streams that gave nothing
  private stopped = false;
  private pending: JobEvent[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private request: AbortController | null = null;
  private lastSign = 0;
  private wake: (() => void) | null = null;
  private readonly o: Required<Options>;

  constructor(options: Options) {
    this.o = { onLink: () => {}, openTime: 5_000, quietTime: 25_000, gather: 50, pause: backoff, ...options };
  }

  start() {
    document.addEventListener('visibilitychange', this.woken);
    window.addEventListener('online', this.woken);
    void this.run();
  }

  stop() {
    this.stopped = true;
    document.removeEventListener('visibilitychange', this.woken);
    window.removeEventListener('online', this.woken);
    this.flush();
    this.request?.abort();
    this.wake?.();
  }

  /** After sleep a connection can be dead without anybody having said so: when it was quiet for long, open a new one. */
  private woken = () => {
    if (document.visibilityState === 'hidden') return;
    if (this.request && Date.now() - this.lastSign > this.o.quietTime / 2) this.request.abort();
    this.wake?.();
  };

  private async run() {
    while (!this.stopped) {
      const before = this.after;
      try {
        const ended = this.streamFailures < 2 ? await this.stream() : await this.poll();
        if (ended) return this.finish('ended');
      } catch (e) {
        if (this.stopped) return;
        if (e instanceof Gone) return this.finish('gone');
        if (this.streamFailures < 2 && this.after === before) this.streamFailures++;
        this.tries = this.after === before ? this.tries + 1 : 0;
        this.o.onLink('waiting');
        await this.sleep(this.o.pause(this.tries));
      }
    }
  }

  private finish(link: Link) {
    this.stop();
    this.o.onLink(link);
  }

  private sleep(ms: number) {
    return new Promise<void>(resolve => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => { clearTimeout(timer); resolve(); };
    }).finally(() => { this.wake = null; });
  }

  private async open(accept: string, query: string, signal: AbortSignal) {
    const request = new Request(`${this.o.url}?${query}`, { headers: { Accept: accept, 'Last-Event-ID': String(this.after) }, signal });
    let response: Response;
    try {
      response = await this.o.fetch(request);
    } catch (e) {
      if (e instanceof Error && e.message === 'signed out') throw new Gone();
      throw e;
    }
    if ([400, 403, 404].includes(response.status)) throw new Gone();
    if (!response.ok) throw new ApiError(response.status, 'The log cannot be read.');
    return response;
  }

  private async stream(): Promise<boolean> {
    const control = (this.request = new AbortController());
    let guard = setTimeout(() => control.abort(), this.o.openTime);
    const alive = () => {
      this.lastSign = Date.now();
      clearTimeout(guard);
      guard = setTimeout(() => control.abort(), this.o.quietTime);
    };
    try {
      const response = await this.open('text/event-stream', `after=${this.after}`, control.signal);
      const parser = new SseParser();
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        alive();
        this.o.onLink('live');
        for (const m of parser.push(value)) {
          if (this.take(JSON.parse(m.data) as JobEvent)) return true;
          this.streamFailures = 0;
        }
      }
      throw new Error('the stream ended before the job');
    } finally {
      clearTimeout(guard);
      control.abort();
    }
  }

  private async poll(): Promise<boolean> {
    const control = (this.request = new AbortController());
    const guard = setTimeout(() => control.abort(), 45_000);
    try {
      this.lastSign = Date.now();
      const wait = document.visibilityState === 'hidden' ? 0 : 20;
      const response = await this.open('application/json', `after=${this.after}&wait=${wait}&limit=1000`, control.signal);
      const page = (await response.json()) as { events: JobEvent[]; done: boolean };
      this.o.onLink('polling');
      this.tries = 0;
      for (const e of page.events) {
        if (this.take(e)) return true;
      }
      if (page.done) return true;
      if (wait === 0 && !page.events.length) await this.sleep(10_000); // a hidden tab looks now and then
      return false;
    } finally {
      clearTimeout(guard);
    }
  }

  /** Takes an event once, in order; reports whether it is the last. */
  private take(e: JobEvent): boolean {
    if (e.seq <= this.after) return false;
    if (e.seq !== this.after + 1) throw new Error(`event ${e.seq} follows ${this.after}`);
    this.after = e.seq;
    this.tries = 0;
    this.pending.push(e);
    this.timer ??= setTimeout(() => this.flush(), this.o.gather);
    return ends(e);
  }

  private flush() {
    clearTimeout(this.timer);
    this.timer = undefined;
    const events = this.pending;
    this.pending = [];
    if (events.length) this.o.onEvents(events);
  }
}
