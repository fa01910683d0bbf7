import { useCallback, useRef } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from 'react-router';
import { messageOf } from '../../api/client.ts';
import { useNotify } from '../../app/notify.tsx';
import { createSession, renameSession, sessionQuery, startJob, type Job, type Session } from '../../app/queries.ts';

const unnamed = 'New session'; // what the server calls a session that was given no name

/** Gives the session of the address, or makes one. Two files that are dropped in a moment belong to one new session. */
export function useOpen(session: string | undefined) {
  const go = useNavigate();
  const opening = useRef<Promise<string> | null>(null);
  return useCallback(async () => {
    if (session) return session;
    opening.current ??= createSession().then(s => {
      void go(`/ask/${s.id}`, { replace: true });
      return s.id;
    }).finally(() => { opening.current = null; });
    return opening.current;
  }, [session, go]);
}

/** What starts jobs; each of them shows the job that it started. */
export function useStarts(known: Session | undefined, open: () => Promise<string>) {
  const go = useNavigate();
  const notify = useNotify();
  const client = useQueryClient();

  const show = useCallback(async (j: Job) => {
    await client.invalidateQueries({ queryKey: ['session', j.session_id, 'jobs'] });
    void go(`/ask/${j.session_id}/${j.id}`);
  }, [client, go]);
  const name = async (id: string, prompt: string) => { // a session is found again by its first question
    await renameSession(id, prompt.length > 80 ? `${prompt.slice(0, 79)}…` : prompt).catch(() => {});
    void client.invalidateQueries({ queryKey: sessionQuery(id).queryKey, exact: true });
  };
  const ask = async (question: { prompt: string; sources: string[]; model: string | null }, started: () => void) => {
    const { prompt, sources, model } = question;
    const j = await startJob({ kind: 'interpret', session_id: await open(), prompt, sources, model: model || undefined });
    started();
    if (!known || known.name === unnamed) await name(j.session_id, prompt);
    await show(j);
  };
  const run = async (from: Job, code: string, checkOnly = false) =>
    show(await startJob({ kind: 'execute', session_id: from.session_id, from_job: from.id, code, ...(checkOnly && { check_only: true }) }));
  const again = async (from: Job) => {
    try {
      await show(await startJob(from.kind === 'interpret'
        ? { kind: 'interpret', session_id: from.session_id, prompt: from.prompt, model: from.model, sources: from.sources.map(s => s.id) }
        : { kind: 'execute', session_id: from.session_id, from_job: from.id }));
    } catch (e) {
      notify({ type: 'error', header: 'It was not started', content: messageOf(e) });
    }
  };
  return { ask, run, again };
}
