import { useSyncExternalStore } from 'react';

/** Whether a media query holds now. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    f => {
      const list = window.matchMedia(query);
      list.addEventListener('change', f);
      return () => list.removeEventListener('change', f);
    },
    () => window.matchMedia(query).matches,
  );
}
