import { lazy, Suspense } from 'react';
import { useSearchParams } from 'react-router';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Tabs from '@cloudscape-design/components/tabs';
import { usePage } from '../../app/page.ts';
import { Loading } from '../../app/states.tsx';
import JobsTable from './JobsTable.tsx';

const SessionsTable = lazy(() => import('./SessionsTable.tsx'));

/** Everything that was asked and run, in two views: by job and by session. */
export default function HistoryPage() {
  usePage('History', true);
  const [query, setQuery] = useSearchParams();
  return (
    <SpaceBetween size="m">
      <Header variant="h1" description="Everything you asked and ran, the failures too. It stays until you delete it.">History</Header>
      <Tabs ariaLabel="Views of the history" activeTabId={query.get('view') === 'sessions' ? 'sessions' : 'jobs'}
        onChange={e => setQuery(e.detail.activeTabId === 'sessions' ? { view: 'sessions' } : {}, { replace: true })}
        tabs={[
          { id: 'jobs', label: 'Jobs', content: <JobsTable /> },
          { id: 'sessions', label: 'Sessions', content: <Suspense fallback={<Loading what="the sessions" />}><SessionsTable /></Suspense> },
        ]} />
    </SpaceBetween>
  );
}
