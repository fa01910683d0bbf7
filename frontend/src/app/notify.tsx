import { createContext, useCallback, useContext, useMemo, useState, type ReactNode } from 'react';
import Flashbar, { type FlashbarProps } from '@cloudscape-design/components/flashbar';
import LiveRegion from '@cloudscape-design/components/live-region';

export interface Notice { type: 'success' | 'error' | 'info' | 'warning'; content: string; header?: string }

const Notify = createContext<(n: Notice) => void>(() => {});
const Announce = createContext<(text: string) => void>(() => {});
const Shown = createContext<FlashbarProps.MessageDefinition[]>([]);

/** Shows a message at the top of the page; a good one goes by itself. */
export const useNotify = () => useContext(Notify);

/** Says something to a screen reader, without showing it. */
export const useAnnounce = () => useContext(Announce);

const shortLife = 5_000;

export function Notices({ children }: { children: ReactNode }) {
  const [items, setItems] = useState<(Notice & { id: string })[]>([]);
  const [said, setSaid] = useState('');
  const dismiss = useCallback((id: string) => setItems(list => list.filter(n => n.id !== id)), []);
  const notify = useCallback((n: Notice) => {
    const id = crypto.randomUUID();
    setItems(list => [...list.slice(-3), { ...n, id }]);
    if (n.type === 'success' || n.type === 'info') setTimeout(() => dismiss(id), shortLife);
  }, [dismiss]);
  const shown = useMemo(() => items.map(n => ({
    id: n.id, type: n.type, header: n.header, content: n.content, dismissible: true, dismissLabel: 'Dismiss', onDismiss: () => dismiss(n.id),
    ariaRole: n.type === 'error' ? 'alert' as const : 'status' as const,
  })), [items, dismiss]);
  return (
    <Notify.Provider value={notify}>
      <Announce.Provider value={setSaid}>
        <Shown.Provider value={shown}>{children}</Shown.Provider>
        <LiveRegion hidden>{said}</LiveRegion>
      </Announce.Provider>
    </Notify.Provider>
  );
}

export const NoticeBar = () => <Flashbar items={useContext(Shown)} />;
