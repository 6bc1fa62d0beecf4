// Starts the page: settings first, so that the first paint is in the right language and colours.

import { startLanguage } from '@hongyan/look/languages';
import { refuseDrops } from '@hongyan/look/refused-drops';
import { QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { createQueries } from './api/queries.ts';
import { App } from './app.tsx';
import { en } from './i18n/en.ts';
import { zh } from './i18n/zh.ts';
import { applySettings, readSettings, SettingsProvider } from './shell/settings.tsx';

const place = document.getElementById('app');
if (!place) throw new Error('index.html has an element with the id app');
const settings = readSettings();
applySettings(settings);
startLanguage(settings.language, { en, zh });
refuseDrops();
createRoot(place).render(
  <StrictMode>
    <SettingsProvider first={settings}>
      <QueryClientProvider client={createQueries()}>
        <App />
      </QueryClientProvider>
    </SettingsProvider>
  </StrictMode>,
);
