import { describe, expect, it } from 'vitest';
import { sentence, wordsFor } from '../failure/words.ts';
import { readFilter, serverPart, writeFilter } from '../../pages/history/filters.ts';
import { read } from '../../pages/cluster/RayJobs.tsx';
import { safeNext } from '../../pages/signin/SignInPage.tsx';
import { splitLines } from './LogTab.tsx';

const piece = (seq: number, text: string, stream = 'stdout', step = 'execute') => ({ seq, time: '', step, attempt: 1, stream, text });

describe('R23 the lines of a log', () => {
  it('joins a line that came in pieces and keeps blank lines', () => {
    const lines = splitLines([piece(1, 'one\ntw'), piece(2, 'warning\n', 'stderr'), piece(3, 'o\n\nthree')]);
    expect(lines.map(l => `${l.stream}: ${l.text}`)).toEqual(['stdout: one', 'stdout: two', 'stderr: warning', 'stdout: ', 'stdout: three']);
  });

  it('does not join what different steps printed', () => {
    expect(splitLines([piece(1, 'a', 'stdout', 'validate'), piece(2, 'b')]).map(l => l.text)).toEqual(['a', 'b']);
  });
});

describe('R25 a failure in plain words', () => {
  it('has words and a next step for every class, and for one that it does not know', () => {
    for (const c of ['code', 'unknown_column', 'unknown_name', 'denied', 'missing_data', 'out_of_memory', 'lost_worker', 'throttled', 'timeout', 'policy', 'unavailable', 'internal']) {
      expect(wordsFor({ class: c }).next).toMatch(/\.$/);
    }
    expect(new Set(['code', 'denied', 'timeout'].map(c => wordsFor({ class: c }).title)).size).toBe(3);
    expect(wordsFor({ class: 'new' })).toEqual(wordsFor({ class: 'internal' }));
  });

  it('falls back on the exception’s own text', () => {
    expect(sentence({ class: 'code', name: 'KeyError', value: 'x' })).toBe('KeyError: x');
  });
});

describe('R43 addresses', () => {
  it('keep a filter, and survive one that somebody wrote by hand', () => {
    const query = { operation: 'and' as const, tokens: [{ propertyKey: 'status', operator: '=', value: 'failed' }, { operator: ':', value: 'x' }] };
    expect(readFilter(writeFilter(query))).toEqual(query);
    for (const bad of [null, '', '{', '[]', '{"t":[1]}', '{"t":[["a",1,2]]}']) expect(readFilter(bad).tokens).toEqual([]);
    expect(serverPart(query)).toEqual({ status: 'failed', kind: undefined });
    expect(serverPart({ ...query, operation: 'or' })).toEqual({});
  });

  it('lead nowhere else after signing in', () => {
    for (const bad of ['https://evil.test', '//evil.test', '/\\evil.test', 'javascript:alert(1)', null]) expect(safeNext(bad)).toBe('/ask');
    expect(safeNext('/ask/1/2?tab=log')).toBe('/ask/1/2?tab=log');
  });
});

describe('R21 jobs of the cluster', () => {
  it('R21 are read as orcray tells them and as Ray does', () => {
    const started = Date.parse('2026-01-02T03:04:05Z');
    expect(read({ id: 'a-1', status: 'RUNNING', start: '2026-01-02T03:04:05Z', end: null })).toEqual({ id: 'a-1', status: 'RUNNING', message: '', started, ended: undefined });
    expect(read({ submission_id: 'b', status: 'SUCCEEDED', start_time: started, end_time: started + 5 })).toMatchObject({ id: 'b', started, ended: started + 5 });
    expect(read({ start: '0001-01-01T00:00:00Z' })).toMatchObject({ id: '', status: 'PENDING', started: undefined });
  });
});
