import '@cloudscape-design/global-styles/index.css';
import './app/app.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App, preload } from './app/App.tsx';
import { startPreferences } from './app/preferences.ts';
import { startTokens } from './app/tokens.ts';

// A part of the page that cannot be loaded after an update: the page that asks for it is the old one.
window.addEventListener('vite:preloadError', e => {
  if (!navigator.onLine) return; // a reload would lose the page
  const last = Number(sessionStorage.getItem('orcray.reloaded') ?? 0);
  if (Date.now() - last < 30_000) return;
  sessionStorage.setItem('orcray.reloaded', String(Date.now()));
  e.preventDefault();
  location.reload();
});

startPreferences();
startTokens();
preload(location.pathname);
createRoot(document.getElementById('root')!).render(<StrictMode><App /></StrictMode>);
