// Sessions: who is connected, by which device, from where, and how well each client keeps up.

import { useState } from 'react';
import { useWords } from '../i18n/words.ts';
import { SearchForm } from '../shell/search-form.tsx';
import { SessionTables } from './session-tables.tsx';

export function SessionsPage() {
  const t = useWords();
  const [userId, setUserId] = useState('');
  return (
    <>
      <h1>{t('pages.sessions')}</h1>
      <SearchForm
        label={t('sessions.search')}
        hint={t('sessions.hint')}
        action={t('app.search')}
        onSearch={setUserId}
      />
      <SessionTables userId={userId} />
    </>
  );
}
