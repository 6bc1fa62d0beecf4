// Builds the web chat into dist/: one script, one style sheet, everything from the server's own origin.

import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** Where the development server finds Hongyan. */
const server = 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
  build: { modulePreload: { polyfill: false }, reportCompressedSize: true },
  server: { proxy: { '/v1': { target: server, ws: true } } },
});
