// Builds the web chat into dist/: one script, one style sheet, everything from the folder of the page.

import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';
import chat from './package.json' with { type: 'json' };

/** Where the development server finds Hongyan. */
const server = 'http://127.0.0.1:8080';

export default defineConfig({
  // Relative addresses: the same files serve below any path of a shared host.
  base: './',
  plugins: [react(), buildMark()],
  build: { modulePreload: { polyfill: false }, reportCompressedSize: true },
  server: { proxy: { '/v1': { target: server, ws: true } } },
});

/** By this mark the service worker tells the page from what a proxy answers in its place. */
function buildMark(): Plugin {
  return { name: 'build-mark', transformIndexHtml: (html) => html.replace('%HONGYAN_BUILD%', chat.version) };
}
