import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { compressed } from './build/compress.ts';
import { fontFiles } from './build/fonts.ts';
import { policy } from './build/policy.ts';

// The server that the page talks to while it is developed; it answers only under its own host name.
const target = process.env.ORCRAY_URL ?? 'http://127.0.0.1:8080';
const proxy = { '/api': { target, changeOrigin: true }, '/objects': { target, changeOrigin: true } };

export default defineConfig({
  plugins: [fontFiles(), react(), compressed()],
  server: { host: '127.0.0.1', proxy },
  preview: { host: '127.0.0.1', proxy, headers: { 'Content-Security-Policy': policy, 'X-Content-Type-Options': 'nosniff' } },
  build: {
    assetsInlineLimit: 0,
    manifest: true,
    chunkSizeWarningLimit: 1200,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: 'react', test: /node_modules\/(react|react-dom|scheduler|react-router|@tanstack\/(react-query|query-core))\//, priority: 10 },
            { name: 'shared', test: /node_modules\/(@cloudscape-design|@formatjs|intl-messageformat|@dnd-kit|clsx|date-fns)/, minShareCount: 5, priority: 5 },
          ],
        },
      },
    },
  },
});
