import { useCallback, useState } from 'react';

function read(key: string): string | null {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Text that a person types, kept through a reload of this tab. null: there is none. */
export function useKept(key: string): [string | null, (value: string | null) => void] {
  const [state, setState] = useState(() => ({ key, value: read(key) }));
  if (state.key !== key) setState({ key, value: read(key) });
  const set = useCallback((value: string | null) => {
    setState({ key, value });
    try {
      if (value === null) sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, value);
    } catch {
      // no storage, or it is full: the text lives as long as the page
    }
  }, [key]);
  return [state.key === key ? state.value : read(key), set];
}
