import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Checkbox from '@cloudscape-design/components/checkbox';
import ProgressBar from '@cloudscape-design/components/progress-bar';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import ToggleButton from '@cloudscape-design/components/toggle-button';
import { api, messageOf, take } from '../../api/client.ts';
import { bytes, number, plural } from '../../app/format.ts';
import { useNotify } from '../../app/notify.tsx';
import { choiceKey, refreshSources, settingsQuery, sourcesQuery, type Source } from '../../app/queries.ts';
import { Loading, Problem } from '../../app/states.tsx';
import DropZone from '../upload/DropZone.tsx';
import type { UploadItem, Uploads } from '../upload/useUploads.ts';

interface Choice { selected?: boolean; pinned?: boolean }

/**
 * Changes the choice of sources, and shows the change before the server has confirmed it. Changes go one after the other, and what an
 * earlier one brings from the server does not take back what a later one shows.
 */
export function useChoice(session: string) {
  const client = useQueryClient();
  const notify = useNotify();
  const key = sourcesQuery(session).queryKey;
  const mutationKey = choiceKey(session);
  return useMutation({
    mutationKey,
    scope: { id: mutationKey.join(' ') },
    mutationFn: ({ id, choice }: { id: string; choice: Choice }) =>
      take(api.PATCH('/api/v1/sessions/{session}/sources/{source}', { params: { path: { session, source: id } }, body: choice })),
    onMutate: async ({ id, choice }) => {
      await client.cancelQueries({ queryKey: key });
      client.setQueryData(key, list => list?.map(s => (s.id === id ? { ...s, ...choice, selected: choice.selected ?? (choice.pinned || s.selected) } : s)));
    },
    onError: e => notify({ type: 'error', header: 'The choice was not kept', content: messageOf(e) }),
    onSettled: () => { // not awaited: the change has ended, whatever its answer brings
      if (client.isMutating({ mutationKey }) === 1) void refreshSources(client, session);
    },
  });
}

function useRemoval(session: string) {
  const client = useQueryClient();
  const notify = useNotify();
  return useMutation({
    mutationFn: (s: Source) => take(api.DELETE('/api/v1/sessions/{session}/sources/{source}', { params: { path: { session, source: s.id } } })),
    onSuccess: (_, s) => notify({ type: 'success', content: `${s.name} was removed, here and on the server.` }),
    onError: (e, s) => notify({ type: 'error', header: `${s.name} was not removed`, content: messageOf(e) }),
    onSettled: () => refreshSources(client, session),
  });
}

/** The sources of a session: drop or choose files, see what they hold, say what the next question reads. */
export default function SourcePanel({ session, uploads, onFiles, onPreview }: {
  session?: string;
  uploads: Uploads;
  onFiles: (files: File[]) => void;
  onPreview: (id: string) => void;
}) {
  const sources = useQuery({ ...sourcesQuery(session ?? ''), enabled: !!session });
  const limits = useQuery(settingsQuery).data;
  const mine = uploads.items.filter(u => u.session === session);
  const inFlight = new Set(mine.filter(u => u.phase !== 'failed').map(u => u.file.name));
  const listed = (sources.data ?? []).filter(s => s.state !== 'pending' || !inFlight.has(s.name));
  const hint = `CSV, JSON lines or Parquet${limits ? `, up to ${bytes(limits.max_upload_bytes)} each` : ''}`;
  return (
    <section aria-label="Sources">
      <SpaceBetween size="s">
        <DropZone onFiles={onFiles} hint={hint}><div className="oc-drop-title">Drop files here</div></DropZone>
        {mine.map(u => <UploadCard key={u.id} item={u} uploads={uploads} />)}
        {session && sources.isPending && <Loading what="sources" />}
        {sources.isError && <Problem error={sources.error} what="The sources" retry={() => void sources.refetch()} />}
        {session && listed.length > 0 && (
          <ul className="oc-list" aria-label="Files of this session">
            {listed.map(s => <SourceCard key={s.id} source={s} session={session} onPreview={onPreview} />)}
          </ul>
        )}
        {listed.some(s => s.state === 'ready') && (
          <Box fontSize="body-s" color="text-body-secondary">The next question reads the files that are ticked. After it they are unticked, unless they are pinned.</Box>
        )}
      </SpaceBetween>
    </section>
  );
}

function UploadCard({ item: u, uploads }: { item: UploadItem; uploads: Uploads }) {
  if (u.phase === 'failed') {
    return (
      <Alert type="error" dismissible dismissAriaLabel={`Dismiss ${u.file.name}`} onDismiss={() => uploads.cancel(u)} header={u.file.name}
        action={<Button onClick={() => uploads.retry(u)}>Try again</Button>}>{u.error}</Alert>
    );
  }
  const share = u.file.size ? Math.min(100, (100 * u.sent) / u.file.size) : 0;
  return (
    <div className="oc-card" data-testid="upload">
      <div className="oc-card-head">
        <span className="oc-name">{u.file.name}</span>
        <Button variant="icon" iconName="close" ariaLabel={`Cancel the upload of ${u.file.name}`} onClick={() => uploads.cancel(u)} />
      </div>
      {u.phase === 'checking' ? <StatusIndicator type="in-progress">Looking at the file</StatusIndicator>
        : u.phase === 'waiting' ? <StatusIndicator type="pending">Waiting for its turn</StatusIndicator>
        : <ProgressBar value={share} ariaLabel={`Upload of ${u.file.name}`} additionalInfo={`${bytes(u.sent)} of ${bytes(u.file.size)}`} />}
    </div>
  );
}

function SourceCard({ source: s, session, onPreview }: { source: Source; session: string; onPreview: (id: string) => void }) {
  const choice = useChoice(session);
  const removal = useRemoval(session);
  const remove = <Button variant="icon" iconName="remove" ariaLabel={`Remove ${s.name}`} loading={removal.isPending} onClick={() => removal.mutate(s)} />;
  if (s.state !== 'ready') {
    return (
      <li className="oc-card">
        <div className="oc-card-head"><span className="oc-name">{s.name}</span>{remove}</div>
        {s.state === 'refused' ? <StatusIndicator type="error">{s.reason || 'It cannot be used.'}</StatusIndicator>
          : <StatusIndicator type="pending">The upload was not finished. Remove it, and send the file again.</StatusIndicator>}
      </li>
    );
  }
  const p = s.profile;
  const warnings = p?.warnings?.length ?? 0;
  return (
    <li className="oc-card">
      <div className="oc-card-head">
        <Checkbox checked={s.selected} ariaLabel={`Read ${s.name} with the next question`} onChange={e => choice.mutate({ id: s.id, choice: { selected: e.detail.checked } })}>
          <span className="oc-name">{s.name}</span>
        </Checkbox>
        <span className="oc-card-actions">
          <ToggleButton variant="icon" iconName="star" pressedIconName="star-filled" pressed={s.pinned} ariaLabel={`Pin ${s.name}: it stays ticked`}
            onChange={e => choice.mutate({ id: s.id, choice: { pinned: e.detail.pressed } })} />
          {remove}
        </span>
      </div>
      <Box fontSize="body-s" color="text-body-secondary">
        {p && `${p.exact ? '' : 'about '}${number(p.rows)} rows, ${plural(p.columns?.length ?? 0, 'column')}, `}{bytes(s.bytes)}
      </Box>
      <SpaceBetween size="xs" direction="horizontal" alignItems="center">
        <Button variant="inline-link" ariaLabel={`Preview ${s.name}`} onClick={() => onPreview(s.id)}>Preview</Button>
        {warnings > 0 && <StatusIndicator type="warning">{plural(warnings, 'warning')}</StatusIndicator>}
      </SpaceBetween>
    </li>
  );
}
