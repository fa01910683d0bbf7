// What the log of a job says so far. A pure function of its events, so that a reload, a second tab and a resumed connection
// all show the same.
import type { EventData, Failure, JobEvent, Output, Read, Status, StepName } from './events.ts';

export interface StepRun {
  step: StepName;
  attempt: number;
  state: 'running' | 'done' | 'failed' | 'stopped';
  note: string; // e.g. waiting for a cell; empty when there is nothing to say
  started: string;
  ended?: string;
  failure?: Failure;
}

export interface ProgramVersion { attempt: number; code: string; origin: string; change: string; hash: string; diff: string }

export interface LogLine { seq: number; time: string; step: string; attempt: number; stream: string; text: string }

export interface StepOutput { seq: number; step: string; attempt: number; output: Output }

export interface StepRead extends Read { step: string; attempt: number }

export interface JobLog {
  seq: number;
  status: Status;
  step?: StepName;
  note: string;
  place: string;
  steps: StepRun[];
  draft: string; // the model's reply as it arrives, of draftAttempt
  draftAttempt: number;
  programs: ProgramVersion[];
  lines: LogLine[];
  outputs: StepOutput[];
  reads: StepRead[];
  progress: Record<string, unknown> | null;
  failure: Failure | null; // of the job
  ended?: string;
}

export const emptyLog: JobLog = {
  seq: 0, status: 'queued', note: '', place: '', steps: [], draft: '', draftAttempt: 0, programs: [], lines: [], outputs: [], reads: [],
  progress: null, failure: null,
};

/** Adds events to a log. The log that was given stays as it is. */
export function extend(log: JobLog, events: JobEvent[]): JobLog {
  const next: JobLog = {
    ...log, steps: [...log.steps], programs: [...log.programs], lines: [...log.lines], outputs: [...log.outputs], reads: [...log.reads],
  };
  for (const e of events) {
    if (e.seq <= next.seq) continue;
    next.seq = e.seq;
    add(next, e);
  }
  return next;
}

function add(log: JobLog, e: JobEvent) {
  const step = e.data.step ?? log.step ?? '';
  const attempt = e.data.attempt ?? 1;
  switch (e.type) {
    case 'status':
      return addStatus(log, e.data, e.time);
    case 'token':
      if (attempt !== log.draftAttempt) [log.draft, log.draftAttempt] = ['', attempt];
      log.draft += e.data.text;
      return;
    case 'code': {
      const { code, origin, change = '', hash, diff = '' } = e.data;
      log.programs = [...log.programs.filter(p => p.attempt !== attempt), { attempt, code, origin, change, hash, diff }];
      log.draft = '';
      return;
    }
    case 'log':
      log.lines.push({ seq: e.seq, time: e.time, step, attempt, stream: e.data.stream, text: e.data.text });
      return;
    case 'progress':
      log.progress = e.data;
      return;
    case 'read': {
      const { uri, columns, rows, bytes } = e.data;
      log.reads.push({ uri, columns, rows, bytes, step, attempt });
      return;
    }
    case 'output':
      log.outputs.push({ seq: e.seq, step, attempt, output: e.data });
      return;
    case 'failure':
      return addFailure(log, e.data, e.time);
  }
}

function addStatus(log: JobLog, d: EventData['status'], time: string) {
  log.status = d.status;
  log.note = d.note ?? '';
  if (d.place) log.place = d.place;
  if (d.status === 'processing') {
    if (d.step) enter(log, d.step, d.attempt ?? 1, d.note ?? '', time);
    return;
  }
  if (d.status === 'queued') return;
  log.ended = time;
  log.step = undefined;
  const state = ({ completed: 'done', failed: 'failed', timed_out: 'failed', cancelled: 'stopped' } as const)[d.status];
  closeLast(log, time, state);
  if (d.status === 'failed' && log.failure && log.steps.length) last(log, { failure: log.failure });
}

/** A status with the same step and attempt only tells more about it; another one ends the step before. */
function enter(log: JobLog, step: StepName, attempt: number, note: string, time: string) {
  const current = log.steps.at(-1);
  if (current && !current.ended && current.step === step && current.attempt === attempt) {
    last(log, { note });
    return;
  }
  closeLast(log, time, 'done');
  log.step = step;
  log.steps.push({ step, attempt, state: 'running', note, started: time });
}

function closeLast(log: JobLog, time: string, state: StepRun['state']) {
  const current = log.steps.at(-1);
  if (current && !current.ended) last(log, { ended: time, note: '', state: current.failure ? 'failed' : state });
}

function last(log: JobLog, change: Partial<StepRun>) {
  log.steps[log.steps.length - 1] = { ...log.steps.at(-1)!, ...change };
}

function addFailure(log: JobLog, d: EventData['failure'], time: string) {
  if (!d.step) {
    log.failure = d;
    return;
  }
  const i = log.steps.findLastIndex(s => s.step === d.step && s.attempt === (d.attempt ?? 1));
  if (i < 0) return;
  const s = log.steps[i]!;
  log.steps[i] = { ...s, failure: d, state: 'failed', ended: s.ended ?? time };
}

/** The model's reply without the fence around the program. */
export function unfenced(draft: string): string {
  const open = draft.indexOf('```');
  if (open < 0) return draft;
  const start = draft.indexOf('\n', open);
  if (start < 0) return '';
  const close = draft.indexOf('\n```', start);
  return draft.slice(start + 1, close < 0 ? undefined : close);
}
