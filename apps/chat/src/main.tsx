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
