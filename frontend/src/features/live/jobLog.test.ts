import { describe, expect, it } from 'vitest';
import type { JobEvent } from './events.ts';
import { emptyLog, extend, unfenced } from './jobLog.ts';
import { shownSteps } from '../job/steps.ts';

let seq = 0;
const at = (s: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, s)).toISOString();
const event = (type: JobEvent['type'], data: object): JobEvent => ({ seq: ++seq, time: at(seq), type, data }) as JobEvent;

/** A question whose first program fails on the sample and whose second one gives the answer. */
function repaired(): JobEvent[] {
  seq = 0;
  return [
    event('status', { status: 'queued' }),
    event('status', { status: 'processing', step: 'prepare', attempt: 1, place: 'cell' }),
    event('status', { status: 'processing', step: 'generate', attempt: 1 }),
    event('token', { attempt: 1, step: 'generate', text: '```python\nprint(' }),
    event('token', { attempt: 1, step: 'generate', text: '1)\n```' }),
    event('code', { attempt: 1, code: 'print(1)', origin: 'model', hash: 'a', change: '', diff: '' }),
    event('status', { status: 'processing', step: 'validate', attempt: 1, note: 'waiting for a cell, 2 ahead' }),
    event('status', { status: 'processing', step: 'validate', attempt: 1 }),
    event('log', { attempt: 1, step: 'validate', stream: 'stdout', text: 'one\n' }),
    event('failure', { attempt: 1, step: 'validate', class: 'unknown_column', name: 'KeyError', value: 'amont', line: 4 }),
    event('status', { status: 'processing', step: 'fix', attempt: 2 }),
    event('code', { attempt: 2, code: 'print(2)', origin: 'repair', hash: 'b', change: 'amont is amount', diff: '' }),
    event('status', { status: 'processing', step: 'validate', attempt: 2 }),
    event('output', { attempt: 2, step: 'validate', kind: 'text', text: '2' }),
    event('status', { status: 'processing', step: 'execute', attempt: 2 }),
    event('read', { attempt: 2, step: 'execute', uri: 's3://b/data.csv', columns: ['amount'], rows: 10, bytes: 100 }),
    event('status', { status: 'completed', attempt: 2, place: 'cell' }),
  ];
}

describe('R12 R38 the log of a job', () => {
  it('comes to the same, however its events are grouped and repeated', () => {
    const events = repaired();
    const once = extend(emptyLog, events);
    const singly = events.reduce((log, e) => extend(log, [e]), emptyLog);
    const again = extend(extend(extend(emptyLog, events.slice(0, 9)), events.slice(4, 12)), events);
    expect(singly).toEqual(once);
    expect(again).toEqual(once);
    expect(once.lines).toHaveLength(1);
  });

  it('tells which step failed, and that the job came through', () => {
    const log = extend(emptyLog, repaired());
    expect(log.steps.map(s => [s.step, s.attempt, s.state])).toEqual([
      ['prepare', 1, 'done'], ['generate', 1, 'done'], ['validate', 1, 'failed'], ['fix', 2, 'done'], ['validate', 2, 'done'], ['execute', 2, 'done'],
    ]);
    expect(log.steps[2]!.failure?.value).toBe('amont');
    expect(log.failure).toBeNull();
    expect(log.programs.map(p => p.code)).toEqual(['print(1)', 'print(2)']);
  });

  it('shows a job that waits for a cell, and what is still to come', () => {
    const log = extend(emptyLog, repaired().slice(0, 7));
    expect(log.note).toBe('waiting for a cell, 2 ahead');
    expect(shownSteps(log, { kind: 'interpret' }).map(s => s.state)).toEqual(['done', 'done', 'running', 'pending']);
    expect(extend(log, repaired().slice(7, 8)).note).toBe('');
  });

  it('R19 ends the running step of a stopped job as stopped', () => {
    const log = extend(emptyLog, [...repaired().slice(0, 7), { seq: 8, time: at(8), type: 'status', data: { status: 'cancelled', attempt: 1 } }]);
    expect(log.steps.at(-1)).toMatchObject({ step: 'validate', state: 'stopped', ended: at(8) });
    expect(shownSteps(log, { kind: 'interpret' })).toHaveLength(3);
  });

  it('R47 never takes a failure for a success', () => {
    const log = extend(emptyLog, [
      ...repaired().slice(0, 3),
      { seq: 4, time: at(4), type: 'failure', data: { class: 'policy', message: 'No.' } },
      { seq: 5, time: at(5), type: 'status', data: { status: 'failed' } },
    ]);
    expect(log.status).toBe('failed');
    expect(log.failure?.message).toBe('No.');
    expect(log.steps.at(-1)).toMatchObject({ step: 'generate', state: 'failed', failure: { message: 'No.' } });
  });

  it('reads the program out of a reply that is still coming', () => {
    expect(unfenced('Here:\n```py')).toBe('');
    expect(unfenced('Here:\n```python\nimport ray\nx')).toBe('import ray\nx');
    expect(unfenced('```python\na\n```\nThat was it.')).toBe('a');
    expect(unfenced('import ray')).toBe('import ray');
  });
});
