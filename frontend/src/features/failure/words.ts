import type { Failure } from '../live/events.ts';

export interface Words { title: string; next: string; actions: ('edit' | 'ask' | 'again' | 'sources')[] }

/** What each class of failure is in plain words, and what to do about it. The failure's own message comes between the two. */
const words: Record<string, Words> = {
  code: { title: 'The program has an error', next: 'Change the program where it failed and run it, or ask in other words.', actions: ['edit', 'ask'] },
  unknown_column: { title: 'The program names a column that does not exist', next: 'Use one of the columns that the files have. The preview of a file lists them.', actions: ['edit', 'ask'] },
  unknown_name: { title: 'The program uses a name that does not exist', next: 'Correct the name in the program and run it.', actions: ['edit', 'ask'] },
  denied: { title: 'Access was denied', next: 'orcray may not read this data, or may not use this model. Ask whoever runs this installation for access.', actions: ['again'] },
  missing_data: { title: 'The program reads something that is not there', next: 'A program can read the files that were ticked when it was started. Tick the file, or change the path in the program.', actions: ['sources', 'edit'] },
  out_of_memory: { title: 'The program ran out of memory', next: 'Keep less at once: aggregate or filter with Ray Data instead of collecting all rows, or use fewer columns.', actions: ['edit', 'again'] },
  lost_worker: { title: 'The machine that ran the program was lost', next: 'This is not the program’s fault. Run it again.', actions: ['again'] },
  throttled: { title: 'Too much at once', next: 'Wait a moment, then run it again.', actions: ['again'] },
  timeout: { title: 'The program took too long and was stopped', next: 'Look for an endless loop, read fewer rows, or give it more time.', actions: ['edit', 'again'] },
  policy: { title: 'This cannot be answered as it was asked', next: 'Say it in other words, like the examples above the box that you write in, or choose another model.', actions: ['ask', 'edit'] },
  unavailable: { title: 'A part of the system did not answer', next: 'Nothing was lost. Run it again in a moment; the Cluster page shows what is wrong.', actions: ['again'] },
  internal: { title: 'Something went wrong on our side', next: 'Run it again. If it stays, give the id of this job to your operator.', actions: ['again'] },
};

export const wordsFor = (f: Failure): Words => words[f.class] ?? words.internal!;

/** The sentence that says what happened: the server's, or the exception's own text. */
export const sentence = (f: Failure) => f.message || [f.name, f.value].filter(Boolean).join(': ') || 'There is no more to say about it.';
