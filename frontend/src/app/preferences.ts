// How the page looks, by the person's choice; kept in this browser.
import { applyDensity, applyMode, Density, Mode } from '@cloudscape-design/global-styles';
import { useSyncExternalStore } from 'react';

export type ModeChoice = 'system' | 'light' | 'dark';
export interface Preferences { mode: ModeChoice; density: 'comfortable' | 'compact'; navigation: boolean }

const key = 'orcray.preferences';
const dark = window.matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();
const defaults: Preferences = { mode: 'system', density: 'comfortable', navigation: true };

function load(): Preferences {
  try {
    return { ...defaults, ...(JSON.parse(localStorage.getItem(key) ?? '{}') as Partial<Preferences>) };
  } catch {
    return defaults;
  }
}

let current = load();

const modeOf = (p: Preferences) => (p.mode === 'dark' || (p.mode === 'system' && dark.matches) ? Mode.Dark : Mode.Light);

function apply() {
  applyMode(modeOf(current));
  applyDensity(current.density === 'compact' ? Density.Compact : Density.Comfortable);
  document.documentElement.style.colorScheme = modeOf(current);
  for (const f of listeners) f();
}

export function startPreferences() {
  dark.addEventListener('change', apply);
  apply();
}

export function prefer(change: Partial<Preferences>) {
  current = { ...current, ...change };
  try {
    localStorage.setItem(key, JSON.stringify(current));
  } catch {
    // private mode: the choice holds until the tab closes
  }
  apply();
}

const subscribe = (f: () => void) => {
  listeners.add(f);
  return () => { listeners.delete(f); };
};

export const usePreferences = () => useSyncExternalStore(subscribe, () => current);
export const useMode = () => useSyncExternalStore(subscribe, () => modeOf(current));
export { Mode };
