// Builds the console into dist/: one script, one style sheet, everything from the folder of the page.

import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** Where the development server finds the operator listener. */
const operator = 'http://127.0.0.1:8090';

export default defineConfig({
  base: './',
  plugins: [react()],
  build: { modulePreload: { polyfill: false }, reportCompressedSize: true },
  server: { proxy: { '/admin/v1': operator, '/debug': operator, '/metrics': operator, '/readyz': operator } },
});
