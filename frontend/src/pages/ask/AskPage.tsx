import { lazy, Suspense, useCallback, useEffect, useRef } from 'react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate, useParams, useSearchParams } from 'react-router';
import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { ApiError, messageOf } from '../../api/client.ts';
import { useKept } from '../../app/kept.ts';
import { useMedia } from '../../app/media.ts';
import { useNotify } from '../../app/notify.tsx';
import { usePage } from '../../app/page.ts';
import { createSession, renameSession, sessionQuery, sourcesQuery, startJob, type Job } from '../../app/queries.ts';
import { Loading, Problem } from '../../app/states.tsx';
import SourcePanel, { useChoice } from '../../features/sources/SourcePanel.tsx';
import { useUploads } from '../../features/upload/useUploads.ts';
import Conversation from './Conversation.tsx';
import Question from './Question.tsx';
import Welcome from './Welcome.tsx';

const Preview = lazy(() => import('../../features/sources/Preview.tsx'));

const unnamed = 'New session'; // what the server calls a session that was given no name

/** Sources on one side, the conversation on the other. The session, the job, its tab and the preview stand in the address. */
export default function AskPage() {
  const { session, job } = useParams();
  const [query, setQuery] = useSearchParams();
  const go = useNavigate();
  const notify = useNotify();
  const client = useQueryClient();
  const uploads = useUploads();
  const roomy = useMedia('(min-width: 1000px)');
  const known = useQuery({ ...sessionQuery(session ?? ''), enabled: !!session });
  const sources = useQuery({ ...sourcesQuery(session ?? ''), enabled: !!session }).data ?? [];
  const choice = useChoice(session ?? '');
  const [draft, setDraft] = useKept(`orcray.draft.${session ?? 'new'}`);
  const [model, setModel] = useKept('orcray.model');
  usePage(known.data?.name || 'Ask', true);

  // Two files that are dropped in a moment belong to one new session.
  const opening = useRef<Promise<string> | null>(null);
  const open = useCallback(async () => {
    if (session) return session;
    opening.current ??= createSession().then(s => {
      void go(`/ask/${s.id}`, { replace: true });
      return s.id;
    }).finally(() => { opening.current = null; });
    return opening.current;
  }, [session, go]);

  const addFiles = useCallback(async (files: File[]) => {
    if (!files.length) return;
    try {
      uploads.add(files, await open());
    } catch (e) {
      notify({ type: 'error', header: 'The files were not uploaded', content: messageOf(e) });
    }
  }, [open, uploads, notify]);

  useEffect(() => { // a file that is dropped beside the drop zone must not replace the page
    const stray = (e: DragEvent) => e.preventDefault();
    window.addEventListener('dragover', stray);
    window.addEventListener('drop', stray);
    return () => { window.removeEventListener('dragover', stray); window.removeEventListener('drop', stray); };
  }, []);

  const showJob = useCallback(async (j: Job) => {
    await client.invalidateQueries({ queryKey: ['session', j.session_id, 'jobs'] });
    void go(`/ask/${j.session_id}/${j.id}`);
  }, [client, go]);

  const ask = async (prompt: string) => {
    const j = await startJob({ kind: 'interpret', session_id: await open(), prompt, model: model || undefined });
    setDraft(null);
    if (!known.data || known.data.name === unnamed) await name(j.session_id, prompt);
    await showJob(j);
  };
  const name = async (id: string, prompt: string) => { // a session is found again by its first question
    await renameSession(id, prompt.length > 80 ? `${prompt.slice(0, 79)}…` : prompt).catch(() => {});
    void client.invalidateQueries({ queryKey: sessionQuery(id).queryKey, exact: true });
  };
  const run = async (from: Job, code: string, checkOnly = false) =>
    showJob(await startJob({ kind: 'execute', session_id: from.session_id, from_job: from.id, code, ...(checkOnly && { check_only: true }) }));
  const again = async (from: Job) => {
    try {
      await showJob(await startJob(from.kind === 'interpret'
        ? { kind: 'interpret', session_id: from.session_id, prompt: from.prompt, model: from.model, sources: from.sources.map(s => s.id) }
        : { kind: 'execute', session_id: from.session_id, from_job: from.id }));
    } catch (e) {
      notify({ type: 'error', header: 'It was not started', content: messageOf(e) });
    }
  };
  const askWith = (from: Job) => {
    setDraft(from.prompt ?? '');
    for (const s of sources) {
      if (s.state === 'ready' && from.sources.some(b => b.id === s.id)) choice.mutate({ id: s.id, choice: { selected: true } });
    }
    document.querySelector<HTMLTextAreaElement>('.oc-ask-box textarea')?.focus();
  };
  const showSources = () => {
    const panel = document.querySelector('.oc-ask-sources');
    panel?.scrollIntoView({ block: 'nearest' });
    panel?.querySelector<HTMLElement>('input[type=checkbox], button')?.focus();
  };
  const preview = (id: string | null) => setQuery(q => {
    const next = new URLSearchParams(q);
    if (id) next.set('source', id);
    else next.delete('source');
    return next;
  }, { replace: true });

  const gone = known.isError && known.error instanceof ApiError && known.error.status === 404;
  const newSession = <Button iconName="add-plus" onClick={() => void go('/ask')}>New session</Button>;
  if (known.isError && !(gone && job)) {
    return (
      <SpaceBetween size="m">
        <Header variant="h1">Session</Header>
        <Problem error={gone ? new ApiError(404, 'There is no such session, or it is not yours.') : known.error} what="The session" retry={() => void known.refetch()} />
        {newSession}
      </SpaceBetween>
    );
  }
  const previewed = sources.find(s => s.id === query.get('source'));
  const panel = <SourcePanel session={session} uploads={uploads} onFiles={files => void addFiles(files)} onPreview={preview} />;
  const selected = sources.filter(s => s.selected).length;
  return (
    <div className="oc-ask">
      <div className="oc-ask-head">
        <Header variant="h1" actions={session && newSession}>{known.data?.name || (session ? 'Session' : 'Ask about your data')}</Header>
      </div>
      <div className="oc-ask-sources">
        {gone ? null : roomy || !session ? panel : <ExpandableSection variant="container" headerText={`Sources (${selected} of ${sources.length} ticked)`} defaultExpanded={!job}>{panel}</ExpandableSection>}
      </div>
      <div className="oc-ask-main">
        {gone && <Alert type="info">The session of this job was deleted with its files. What the job gave is still here.</Alert>}
        {session ? (known.isPending ? <Loading what="the session" /> : <Conversation session={session} job={job} actions={{ onRun: run, onAgain: j => void again(j), onAsk: askWith, onSources: showSources }} />) : <Welcome />}
        {!gone && <Question session={session} sources={sources} draft={draft ?? ''} setDraft={t => setDraft(t || null)} model={model} setModel={setModel}
          onAsk={ask} uploading={uploads.items.some(u => u.session === session && u.phase !== 'failed')} />}
      </div>
      {previewed && <Suspense><Preview source={previewed} onClose={() => preview(null)} /></Suspense>}
    </div>
  );
}
