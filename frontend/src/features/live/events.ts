// The events of a job's log and the outputs of its runs, as docs/api.md states them. The API's document leaves their data open.
import type { Schemas } from '../../api/client.ts';

export type Status = Schemas['JobView']['status'];
export type StepName = 'prepare' | 'generate' | 'validate' | 'fix' | 'execute' | 'finish';
export type Cell = string | number | boolean | null | Cell[] | { [key: string]: Cell };

export interface Failure {
  class: string;
  message?: string;
  name?: string;
  value?: string;
  traceback?: string;
  line?: number;
  column?: number;
  wrong?: string;
  nearest?: string[] | null;
}

export interface TableData { columns: { name: string; type: string }[]; rows: Cell[][]; total: number; file?: string }

export interface Output {
  kind: string; // text, table, chart, image, error; anything else is shown by name
  name?: string;
  text?: string;
  table?: TableData;
  spec?: Record<string, unknown>;
  image?: { file: string; width: number; height: number };
  error?: Failure;
}

export interface Read { uri: string; columns?: string[]; rows: number; bytes: number }

interface Where { step?: StepName; attempt?: number }

export interface EventData {
  status: Where & { status: Status; note?: string; place?: string };
  token: Where & { text: string };
  code: Where & { code: string; origin: string; change?: string; hash: string; diff?: string };
  log: Where & { stream: string; text: string };
  progress: Where & Record<string, unknown>;
  read: Where & Read;
  output: Where & Output;
  failure: Where & Failure;
}

export type JobEvent = { [T in keyof EventData]: { seq: number; time: string; type: T; data: EventData[T] } }[keyof EventData];

export const terminal = (s: Status) => s !== 'queued' && s !== 'processing';

/** Reports whether nothing follows an event. */
export const ends = (e: JobEvent) => e.type === 'status' && terminal(e.data.status);
