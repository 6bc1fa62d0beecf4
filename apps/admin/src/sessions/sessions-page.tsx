// Sessions: who is connected, by which device, from where, and how well each client keeps up.

import { useWords } from '../i18n/words.ts';
import { SearchForm } from '../shell/search-form.tsx';
import { useSearchText } from '../shell/search-text.ts';
import { SessionTables } from './session-tables.tsx';

export function SessionsPage() {
  const t = useWords();
  const [userId, setUserId] = useSearchText();
  return (
    <>
      <h1>{t('pages.sessions')}</h1>
      <SearchForm
        label={t('sessions.search')}
        hint={t('sessions.hint')}
        action={t('app.search')}
        first={userId}
        onSearch={setUserId}
      />
      <SessionTables userId={userId} />
    </>
  );
}
