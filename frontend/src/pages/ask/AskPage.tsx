import { lazy, Suspense, useCallback, useEffect } from 'react';
import { useQuery } from '@tanstack/react-query';
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
import { sessionQuery, sourcesQuery, type Job } from '../../app/queries.ts';
import { Loading, Problem } from '../../app/states.tsx';
import SourcePanel, { useChoice } from '../../features/sources/SourcePanel.tsx';
import { useUploads } from '../../features/upload/useUploads.ts';
import Conversation from './Conversation.tsx';
import Question from './Question.tsx';
import { useOpen, useStarts } from './starts.ts';
import Welcome from './Welcome.tsx';

const Preview = lazy(() => import('../../features/sources/Preview.tsx'));

/** A file that is dropped beside the drop zone must not replace the page. */
function useNoStrayDrops() {
  useEffect(() => {
    const stray = (e: DragEvent) => e.preventDefault();
    window.addEventListener('dragover', stray);
    window.addEventListener('drop', stray);
    return () => { window.removeEventListener('dragover', stray); window.removeEventListener('drop', stray); };
  }, []);
}

/** The source whose preview is open, by the address, and what opens another or none. */
function usePreview() {
  const [query, setQuery] = useSearchParams();
  const preview = (id: string | null) => setQuery(q => {
    const next = new URLSearchParams(q);
    if (id) next.set('source', id);
    else next.delete('source');
    return next;
  }, { replace: true });
  return [query.get('source'), preview] as const;
}

function showSources() {
  const panel = document.querySelector('.oc-ask-sources');
  panel?.scrollIntoView({ block: 'nearest' });
  panel?.querySelector<HTMLElement>('input[type=checkbox], button')?.focus();
}

/** Sources on one side, the conversation on the other. The session, the job, its tab and the preview stand in the address. */
export default function AskPage() {
  const { session, job } = useParams();
  const [opened, preview] = usePreview();
  const go = useNavigate();
  const notify = useNotify();
  const uploads = useUploads();
  const roomy = useMedia('(min-width: 1000px)');
  const known = useQuery({ ...sessionQuery(session ?? ''), enabled: !!session });
  const sources = useQuery({ ...sourcesQuery(session ?? ''), enabled: !!session }).data ?? [];
  const choice = useChoice(session ?? '');
  const [draft, setDraft] = useKept(`orcray.draft.${session ?? 'new'}`);
  const [model, setModel] = useKept('orcray.model');
  usePage(known.data?.name || 'Ask', true);

  const open = useOpen(session);
  const { ask, run, again } = useStarts(known.data, open);
  useNoStrayDrops();

  const addFiles = useCallback(async (files: File[]) => {
    if (!files.length) return;
    try {
      uploads.add(files, await open());
    } catch (e) {
      notify({ type: 'error', header: 'The files were not uploaded', content: messageOf(e) });
    }
  }, [open, uploads, notify]);

  const askWith = (from: Job) => {
    setDraft(from.prompt ?? '');
    for (const s of sources) {
      if (s.state === 'ready' && from.sources.some(b => b.id === s.id)) choice.mutate({ id: s.id, choice: { selected: true } });
    }
    document.querySelector<HTMLTextAreaElement>('.oc-ask-box textarea')?.focus();
  };
  const gone = known.isError && known.error instanceof ApiError && known.error.status === 404;
  const newSession = <Button iconName="add-plus" onClick={() => void go('/ask')}>New session</Button>;
  if (known.isError && (gone ? !job : !known.data)) {
    return (
      <SpaceBetween size="m">
        <Header variant="h1">Session</Header>
        <Problem error={gone ? new ApiError(404, 'There is no such session, or it is not yours.') : known.error} what="The session" retry={() => void known.refetch()} />
        {newSession}
      </SpaceBetween>
    );
  }
  const previewed = sources.find(s => s.id === opened);
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
          onAsk={(prompt, ticked) => ask({ prompt, sources: ticked, model }, () => setDraft(null))}
          uploading={uploads.items.some(u => u.session === session && u.phase !== 'failed')} />}
      </div>
      {previewed && <Suspense><Preview source={previewed} onClose={() => preview(null)} /></Suspense>}
    </div>
  );
}
