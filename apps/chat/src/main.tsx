// Starts the page: settings first, so that the first paint is in the right language and colours.

import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { Session } from './session.ts';
import { applySettings } from './state/settings.ts';

applySettings();
const root = document.getElementById('app');
if (!root) throw new Error('index.html has an element with the id app');
createRoot(root).render(
  <StrictMode>
    <App session={new Session()} />
  </StrictMode>,
);

// Only where the page has a secure origin; without it the chat works, but does not open offline.
if (import.meta.env.PROD) void navigator.serviceWorker?.register('/sw.js').catch(() => {});
