import { lazy, Suspense, useState } from 'react';
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from 'react-router';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { api, messageOf, take } from '../../api/client.ts';
import { when } from '../../app/format.ts';
import { useNotify } from '../../app/notify.tsx';
import { deleteSession, renameSession, type Session } from '../../app/queries.ts';
import { Empty, Problem } from '../../app/states.tsx';

const Confirm = lazy(() => import('./Confirm.tsx'));

/** The sessions: open, rename in place, delete. */
export default function SessionsTable() {
  const client = useQueryClient();
  const notify = useNotify();
  const go = useNavigate();
  const [doomed, setDoomed] = useState<Session | null>(null);
  const sessions = useInfiniteQuery({
    queryKey: ['sessions', 'all'],
    initialPageParam: '',
    queryFn: ({ pageParam }) => take(api.GET('/api/v1/sessions', { params: { query: { limit: 50, ...(pageParam && { cursor: pageParam }) } } })),
    getNextPageParam: last => last.next_cursor || undefined,
  });
  const refresh = async () => {
    await client.invalidateQueries({ queryKey: ['sessions'] });
    await client.invalidateQueries({ queryKey: ['session'] });
    await client.invalidateQueries({ queryKey: ['jobs'] });
  };
  const rename = async (s: Session, _: unknown, value: unknown) => {
    const name = String(value ?? '').trim();
    if (!name || name === s.name) return;
    try {
      await renameSession(s.id, name);
      await refresh();
    } catch (e) {
      notify({ type: 'error', header: 'The name was not changed', content: messageOf(e) });
      throw e;
    }
  };
  const remove = async (s: Session) => {
    try {
      await deleteSession(s.id);
      notify({ type: 'success', content: `${s.name} was deleted with its files.` });
    } catch (e) {
      notify({ type: 'error', header: 'The session was not deleted', content: messageOf(e) });
    }
    setDoomed(null);
    await refresh();
  };
  if (sessions.isError && !sessions.data) return <Problem error={sessions.error} what="The sessions" retry={() => void sessions.refetch()} />;
  const items = (sessions.data?.pages ?? []).flatMap(p => p.items);
  return (
    <>
      <Table items={items} trackBy="id" wrapLines loading={sessions.isPending} loadingText="Loading the sessions" submitEdit={rename}
        ariaLabels={{ tableLabel: 'Sessions', activateEditLabel: (_, s) => `Rename ${s.name}`, cancelEditLabel: () => 'Cancel', submitEditLabel: () => 'Save the name', submittingEditText: () => 'Saving' }}
        header={<Header counter={`(${items.length}${sessions.hasNextPage ? '+' : ''})`} actions={<Button iconName="add-plus" onClick={() => void go('/ask')}>New session</Button>}>Sessions</Header>}
        empty={<Empty title="No sessions yet" action={<Button onClick={() => void go('/ask')}>Ask something</Button>}>A session begins with the first file.</Empty>}
        columnDefinitions={[
          { id: 'name', header: 'Name', isRowHeader: true, minWidth: 220, cell: s => <Link className="oc-link" to={`/ask/${s.id}`}>{s.name || 'Session without a name'}</Link>,
            editConfig: {
              ariaLabel: 'Name of the session', editIconAriaLabel: 'editable', errorIconAriaLabel: 'Error',
              validation: (_, value: string | undefined) => (value !== undefined && !value.trim() ? 'Give it a name.' : (value?.length ?? 0) > 200 ? 'At most 200 characters.' : undefined),
              editingCell: (s, { currentValue, setValue }) => <Input autoFocus ariaLabel="Name" value={(currentValue as string | undefined) ?? s.name} onChange={e => setValue(e.detail.value)} />,
            } },
          { id: 'updated', header: 'Last used', minWidth: 170, cell: s => when(s.updated_at) },
          { id: 'created', header: 'Begun', minWidth: 170, cell: s => when(s.created_at) },
          { id: 'actions', header: 'Actions', minWidth: 120, cell: s => (
            <SpaceBetween size="xs" direction="horizontal">
              <Button variant="inline-link" ariaLabel={`Delete ${s.name}`} onClick={() => setDoomed(s)}>Delete</Button>
            </SpaceBetween>
          ) },
        ]}
        footer={sessions.hasNextPage ? <Box textAlign="center"><Button loading={sessions.isFetchingNextPage} onClick={() => void sessions.fetchNextPage()}>Load more</Button></Box> : undefined}
      />
      {doomed && (
        <Suspense><Confirm title={`Delete ${doomed.name}?`} action="Delete" onCancel={() => setDoomed(null)} onConfirm={() => remove(doomed)}>
          Its files are deleted for good, here and on the server. Its jobs stay in the history until you delete them.
        </Confirm></Suspense>
      )}
    </>
  );
}
