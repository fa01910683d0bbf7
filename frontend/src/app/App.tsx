import { lazy, Suspense } from 'react';
import { QueryClientProvider } from '@tanstack/react-query';
import { BrowserRouter, Navigate, Outlet, Route, Routes, useLocation } from 'react-router';
import { I18nProvider } from '@cloudscape-design/components/i18n';
import messages from '@cloudscape-design/components/i18n/messages/all.en';
import Spinner from '@cloudscape-design/components/spinner';
import { useAuth } from './auth.tsx';
import { queryClient } from './queries.ts';

const load = {
  'sign-in': () => import('../pages/signin/SignInPage.tsx'),
  ask: () => import('../pages/ask/AskPage.tsx'),
  history: () => import('../pages/history/HistoryPage.tsx'),
  compare: () => import('../pages/history/ComparePage.tsx'),
  cluster: () => import('../pages/cluster/ClusterPage.tsx'),
  settings: () => import('../pages/settings/SettingsPage.tsx'),
};
const shell = () => import('./Shell.tsx');

/** Starts the parts of the first page together, instead of one after the other. */
export function preload(pathname: string) {
  const first = (pathname.split('/')[1] || 'ask') as keyof typeof load;
  void load[first]?.();
  if (first !== 'sign-in') void shell();
}

const Shell = lazy(shell);
const SignInPage = lazy(load['sign-in']);
const AskPage = lazy(load.ask);
const HistoryPage = lazy(load.history);
const ComparePage = lazy(load.compare);
const ClusterPage = lazy(load.cluster);
const SettingsPage = lazy(load.settings);
const NotFoundPage = lazy(() => import('../pages/NotFoundPage.tsx'));

const Wait = () => <div className="oc-wait"><Spinner size="large" /></div>;

/** Lets only those in who signed in, and brings them back to where they wanted to go. */
function Private() {
  const { token, settled } = useAuth();
  const { pathname, search } = useLocation();
  if (token) return <Outlet />;
  if (!settled) return <Wait />;
  return <Navigate to={`/sign-in?next=${encodeURIComponent(pathname + search)}`} replace />;
}

export const App = () => (
  <I18nProvider locale="en" messages={[messages]}>
    <QueryClientProvider client={queryClient}>
      {/* Without transitions: a switch whose state lives in the address would spring back until the transition ends. */}
      <BrowserRouter useTransitions={false}>
        <Suspense fallback={<Wait />}>
          <Routes>
            <Route path="sign-in" element={<SignInPage />} />
            <Route element={<Private />}>
              <Route element={<Shell />}>
                <Route index element={<Navigate to="/ask" replace />} />
                <Route path="ask/:session?/:job?" element={<AskPage />} />
                <Route path="history" element={<HistoryPage />} />
                <Route path="compare" element={<ComparePage />} />
                <Route path="cluster" element={<ClusterPage />} />
                <Route path="settings" element={<SettingsPage />} />
                <Route path="*" element={<NotFoundPage />} />
              </Route>
            </Route>
          </Routes>
        </Suspense>
      </BrowserRouter>
    </QueryClientProvider>
  </I18nProvider>
);
