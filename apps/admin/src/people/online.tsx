// Whether a user, or a device, has a connection now.

import { useWords } from '../i18n/words.ts';

export function Online({ isOnline }: { readonly isOnline: boolean }) {
  const t = useWords();
  return (
    <span className="online" data-online={isOnline}>
      <span className="online-dot" aria-hidden="true" />
      {t(isOnline ? 'users.online' : 'users.offline')}
    </span>
  );
}
