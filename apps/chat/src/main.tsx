// Starts the page: settings first, so that the first paint is in the right language and colours.

import { refuseDrops } from '@hongyan/look/refused-drops';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { browserStorage } from './browser/browser-storage.ts';
import { startRoute } from './browser/route.ts';
import { startSettings } from './browser/settings.ts';
import { startToday } from './browser/today.ts';
import { LastResort } from './last-resort.tsx';
import { Session } from './session.ts';

const place = document.getElementById('app');
if (!place) throw new Error('index.html has an element with the id app');
const session = new Session(browserStorage);
const root = createRoot(place);

try {
  startSettings();
  startToday();
  startRoute();
  session.start();
  refuseDrops(() => session.chat.get()?.notice.set({ type: 'files' }));
  root.render(
    <StrictMode>
      <LastResort>
        <App session={session} />
      </LastResort>
    </StrictMode>,
  );
} catch (error) {
  root.render(<LastResort error={error} />);
}

// Only where the page has a secure origin; without it the chat works, but does not open offline.
if (import.meta.env.PROD) void navigator.serviceWorker?.register('./sw.js').catch(() => {});
