import { lazy, Suspense, useMemo, useState } from 'react';
import { useQuery } from '@tanstack/react-query';
import { Outlet, useLocation, useNavigate } from 'react-router';
import AppLayoutToolbar from '@cloudscape-design/components/app-layout-toolbar';
import BreadcrumbGroup from '@cloudscape-design/components/breadcrumb-group';
import ErrorBoundary from '@cloudscape-design/components/error-boundary';
import SideNavigation, { type SideNavigationProps } from '@cloudscape-design/components/side-navigation';
import TopNavigation, { type TopNavigationProps } from '@cloudscape-design/components/top-navigation';
import { signOut, useAuth } from './auth.tsx';
import { useMedia } from './media.ts';
import { NoticeBar, Notices } from './notify.tsx';
import { PageContext, type PageInfo } from './page.ts';
import { Mode, prefer, useMode, usePreferences } from './preferences.ts';
import { meQuery, rayQuery } from './queries.ts';
import { Loading } from './states.tsx';

const small = '(max-width: 688px)'; // there the navigation is a drawer; a page that becomes small closes it by itself

const Renewal = lazy(() => import('./Renewal.tsx'));

const pages: SideNavigationProps.Item[] = [
  { type: 'link', text: 'Ask', href: '/ask' },
  { type: 'link', text: 'History', href: '/history' },
  { type: 'link', text: 'Cluster', href: '/cluster' },
  { type: 'divider' },
  { type: 'link', text: 'Settings', href: '/settings' },
];

function useRayBadge(): { text: string; icon: 'status-positive' | 'status-negative' | 'status-pending' | 'status-stopped' } {
  const ray = useQuery(rayQuery);
  if (ray.isError) return { text: 'Ray: not known', icon: 'status-negative' };
  if (!ray.data) return { text: 'Ray', icon: 'status-pending' };
  const { status, ray_version: version, cells } = ray.data;
  if (status === 'connected') return { text: `Ray ${version ?? ''} connected`, icon: 'status-positive' };
  if (status === 'starting') return { text: 'Ray cluster starting', icon: 'status-pending' };
  if (status === 'disconnected') return { text: 'Ray disconnected', icon: 'status-negative' };
  const ready = cells.warm + cells.leased > 0;
  const named = `Ray ${version ?? ''}`.trim();
  return ready ? { text: `${named} ready`, icon: 'status-positive' } : { text: cells.starting ? 'Ray cells starting' : `Ray ${status}`, icon: cells.starting ? 'status-pending' : 'status-stopped' };
}

export default function Shell() {
  const go = useNavigate();
  const here = useLocation().pathname;
  const me = useQuery(meQuery);
  const mode = useMode();
  const { expired } = useAuth();
  const badge = useRayBadge();
  const { navigation } = usePreferences();
  const [page, setPage] = useState<PageInfo>({ title: '' });
  const narrow = useMedia(small);
  const [menu, setMenu] = useState(false); // the navigation of a narrow page is a drawer, closed again on each visit
  const follow = (e: { preventDefault: () => void; detail: { href?: string; external?: boolean } }) => {
    if (e.detail.external || !e.detail.href) return;
    e.preventDefault();
    setMenu(false);
    void go(e.detail.href);
  };
  const utilities: TopNavigationProps.Utility[] = [
    { type: 'button', text: badge.text, iconName: badge.icon, href: '/cluster', onClick: follow, ariaLabel: `${badge.text}: show the cluster` },
    mode === Mode.Dark
      ? { type: 'button', text: 'Light mode', onClick: () => prefer({ mode: 'light' }) }
      : { type: 'button', text: 'Dark mode', onClick: () => prefer({ mode: 'dark' }) },
    {
      type: 'menu-dropdown', iconName: 'user-profile', text: me.data?.full_name || me.data?.email || 'Account', description: me.data?.email,
      items: [{ id: 'settings', text: 'Settings', href: '/settings' }, { id: 'out', text: 'Sign out' }],
      onItemFollow: follow,
      onItemClick: e => { if (e.detail.id === 'out') signOut(); },
    },
  ];
  const active = useMemo(() => `/${here.split('/')[1] === 'compare' ? 'history' : here.split('/')[1]}`, [here]);
  return (
    <Notices>
      <PageContext.Provider value={setPage}>
        <div id="top">
          <TopNavigation identity={{ href: '/ask', title: 'orcray', onFollow: e => { e.preventDefault(); void go('/ask'); } }}
            utilities={utilities} />
        </div>
        <AppLayoutToolbar
          headerSelector="#top"
          toolsHide
          navigationWidth={200}
          navigationOpen={narrow ? menu : navigation}
          onNavigationChange={e => (window.matchMedia(small).matches ? setMenu(e.detail.open) : prefer({ navigation: e.detail.open }))}
          navigation={<SideNavigation activeHref={active} items={pages} onFollow={follow} />}
          breadcrumbs={<BreadcrumbGroup onFollow={follow} items={[{ text: 'orcray', href: '/ask' }, { text: page.title || '…', href: here }]} />}
          notifications={<NoticeBar />}
          maxContentWidth={page.wide ? Number.MAX_VALUE : 1280}
          content={
            <ErrorBoundary key={active} onError={() => {}}>
              <Suspense fallback={<Loading what="the page" />}><Outlet /></Suspense>
            </ErrorBoundary>
          }
        />
        {expired && <Suspense><Renewal email={me.data?.email ?? ''} /></Suspense>}
      </PageContext.Provider>
    </Notices>
  );
}
