import { useState } from 'react';
import { colorBackgroundLayoutMain } from '@cloudscape-design/design-tokens';
import { useQuery } from '@tanstack/react-query';
import SupportPromptGroup from '@cloudscape-design/chat-components/support-prompt-group';
import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import PromptInput from '@cloudscape-design/components/prompt-input';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { messageOf } from '../../api/client.ts';
import { bytes } from '../../app/format.ts';
import { examplesQuery, modelsQuery, sessionJobsQuery, settingsQuery, type Model, type Source } from '../../app/queries.ts';
import { useChoice } from '../../features/sources/SourcePanel.tsx';

const mostSources = 20; // of one job, as the API says

function price(m: Model): string {
  if (m.provider === 'offline') return 'free, on this machine';
  const [i, o] = [m.input_usd_per_million, m.output_usd_per_million];
  return i === undefined || o === undefined ? m.provider : `${m.provider}, $${i} in / $${o} out per million tokens`;
}

/** Where the question is written: examples from the true columns, the model, and what the question will read. */
export default function Question({ session, sources, draft, setDraft, model, setModel, onAsk, uploading }: {
  session?: string;
  sources: Source[];
  draft: string;
  setDraft: (text: string) => void;
  model: string | null;
  setModel: (id: string | null) => void;
  onAsk: (prompt: string, ticked: string[]) => Promise<void>;
  uploading: boolean;
}) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const models = useQuery(modelsQuery);
  const limit = useQuery(settingsQuery).data?.max_question_bytes ?? 16_384;
  const selected = sources.filter(s => s.selected && s.state === 'ready');
  const selection = selected.map(s => s.id).join();
  const examples = useQuery({ ...examplesQuery(session ?? '', selection), enabled: !!session && selected.length > 0 });

  const last = useQuery({ ...sessionJobsQuery(session ?? ''), enabled: !!session }).data?.at(-1);

  const submit = async () => {
    const prompt = draft.trim();
    if (busy) return;
    if (!prompt) return setError('Write a question first.');
    if (new Blob([prompt]).size > limit) return setError(`The question is longer than ${bytes(limit)}. Shorten it.`);
    if (uploading) return setError('A file is still on its way. Ask when it is ready, or cancel it.');
    if (!selected.length) return setError(sources.length ? 'Tick at least one file for this question.' : 'Drop a file first: a question is about files.');
    if (selected.length > mostSources) return setError(`A question reads at most ${mostSources} files; ${selected.length} are ticked. Untick some.`);
    setBusy(true);
    setError('');
    try {
      await onAsk(prompt, selected.map(s => s.id)); // what is shown: the server may not have heard of the last tick yet
    } catch (e) {
      setError(messageOf(e));
    } finally {
      setBusy(false);
    }
  };

  const options = (models.data ?? []).map(m => ({ value: m.id, label: m.name, description: price(m) }));
  const chosen = options.find(o => o.value === model) ?? options.find(o => o.value === models.data?.find(m => m.default)?.id) ?? null;
  return (
    <div className="oc-ask-box" style={{ background: colorBackgroundLayoutMain }}>
      <SpaceBetween size="xs">
        {error && <Alert type="warning" dismissible onDismiss={() => setError('')}>{error}</Alert>}
        {(!draft || draft === last?.prompt) && !!examples.data?.length && (
          <SupportPromptGroup alignment="horizontal" ariaLabel="Example questions" items={examples.data.slice(0, 4).map((text, i) => ({ id: String(i), text }))}
            onItemClick={e => setDraft(examples.data[Number(e.detail.id)]!)} />
        )}
        <div onKeyDownCapture={e => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) { e.preventDefault(); e.stopPropagation(); void submit(); } }}>
          <PromptInput value={draft} onChange={e => { setDraft(e.detail.value); setError(''); }} onAction={() => void submit()}
            placeholder={selected.length ? 'Ask a question about the ticked files' : sources.length ? 'Tick a file, then ask a question about it' : 'Drop a file, then ask a question about it'}
            ariaLabel="Question" actionButtonIconName="send" actionButtonAriaLabel="Ask" disableActionButton={busy} minRows={1} maxRows={8}
            secondaryActions={
              <div className="oc-ask-model">
                <Select selectedOption={chosen} options={options} statusType={models.isPending ? 'loading' : models.isError ? 'error' : 'finished'} errorText="The models could not be loaded"
                  ariaLabel="Model" triggerVariant="label" expandToViewport onChange={e => setModel(e.detail.selectedOption.value ?? null)} />
              </div>
            } />
        </div>
        <Reading session={session} sources={sources} selected={selected} />
      </SpaceBetween>
    </div>
  );
}

/** Says what the question reads; when nothing is ticked after a job, offers its files again. */
function Reading({ session, sources, selected }: { session?: string; sources: Source[]; selected: Source[] }) {
  const choice = useChoice(session ?? '');
  const last = useQuery({ ...sessionJobsQuery(session ?? ''), enabled: !!session }).data?.at(-1);
  const before = sources.filter(s => s.state === 'ready' && last?.sources.some(b => b.id === s.id));
  const hint = <Box variant="span" fontSize="body-s" color="text-body-secondary">Ctrl+Enter asks.</Box>;
  if (selected.length) {
    return <Box fontSize="body-s" color="text-body-secondary">Reads {selected.map(s => s.name).join(', ')}. {hint}</Box>;
  }
  if (!before.length) return <Box fontSize="body-s" color="text-body-secondary">No file is ticked.</Box>;
  return (
    <Box fontSize="body-s" color="text-body-secondary">
      No file is ticked: after a question the files are put aside.{' '}
      <Button variant="inline-link" onClick={() => before.forEach(s => choice.mutate({ id: s.id, choice: { selected: true } }))}>Ask about {before.map(s => s.name).join(', ')} again</Button>
    </Box>
  );
}
