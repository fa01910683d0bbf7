import { createContext, useContext, useEffect } from 'react';

/** What a page tells the frame around it. */
export interface PageInfo { title: string; wide?: boolean }

export const PageContext = createContext<(info: PageInfo) => void>(() => {});

/** Names the page in the browser's title and in the breadcrumbs. */
export function usePage(title: string, wide = false) {
  const set = useContext(PageContext);
  useEffect(() => {
    document.title = `${title} · orcray`;
    set({ title, wide });
  }, [title, wide, set]);
}
