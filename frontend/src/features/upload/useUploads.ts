import { useCallback, useEffect, useRef, useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { ApiError, messageOf } from '../../api/client.ts';
import { useAnnounce } from '../../app/notify.tsx';
import { refreshSources } from '../../app/queries.ts';
import { send } from './send.ts';

export interface UploadItem {
  id: string;
  file: File;
  session: string;
  phase: 'waiting' | 'sending' | 'checking' | 'failed';
  sent: number;
  error: string;
  control: AbortController;
}

const atOnce = 2;

/** The uploads of this page: at most two at once, each with progress, cancel and another try. */
export function useUploads() {
  const client = useQueryClient();
  const announce = useAnnounce();
  const [items, setItems] = useState<UploadItem[]>([]);
  const started = useRef(new Set<string>());

  const change = useCallback((id: string, c: Partial<UploadItem>) => setItems(list => list.map(u => (u.id === id ? { ...u, ...c } : u))), []);
  const drop = useCallback((id: string) => setItems(list => list.filter(u => u.id !== id)), []);

  const start = useCallback(async (u: UploadItem) => {
    change(u.id, { phase: 'sending' });
    let whole = false; // a file that was sent and then refused stands in the session's list, with its reason
    const refresh = () => refreshSources(client, u.session);
    try {
      await send({
        file: u.file, session: u.session, signal: u.control.signal,
        onProgress: sent => change(u.id, { sent }),
        onSent: () => { whole = true; change(u.id, { phase: 'checking', sent: u.file.size }); },
      });
      await refresh();
      drop(u.id);
      announce(`${u.file.name} is ready.`);
    } catch (e) {
      if (e instanceof DOMException && e.name === 'AbortError') {
        drop(u.id);
        announce(`The upload of ${u.file.name} was cancelled.`);
        return;
      }
      announce(`${u.file.name} could not be used. ${messageOf(e)}`);
      const refused = whole && e instanceof ApiError && e.status === 422;
      if (!refused) change(u.id, { phase: 'failed', error: messageOf(e) });
      await refresh();
      if (refused) drop(u.id);
    }
  }, [announce, change, client, drop]);

  useEffect(() => {
    const busy = items.filter(u => u.phase === 'sending' || u.phase === 'checking').length;
    const next = items.filter(u => u.phase === 'waiting' && !started.current.has(u.id)).slice(0, atOnce - busy);
    for (const u of next) {
      started.current.add(u.id);
      void start(u);
    }
  }, [items, start]);

  const busy = items.some(u => u.phase !== 'failed');
  useEffect(() => {
    if (!busy) return;
    const warn = (e: BeforeUnloadEvent) => e.preventDefault();
    window.addEventListener('beforeunload', warn);
    return () => window.removeEventListener('beforeunload', warn);
  }, [busy]);

  const fresh = (file: File, session: string): UploadItem => ({ id: crypto.randomUUID(), file, session, phase: 'waiting', sent: 0, error: '', control: new AbortController() });
  return {
    items,
    add: (files: File[], session: string) => setItems(list => [...list, ...files.map(f => fresh(f, session))]),
    retry: (u: UploadItem) => setItems(list => list.map(x => (x.id === u.id ? fresh(u.file, u.session) : x))),
    cancel: (u: UploadItem) => (u.phase === 'waiting' || u.phase === 'failed' ? drop(u.id) : u.control.abort()),
  };
}

export type Uploads = ReturnType<typeof useUploads>;
