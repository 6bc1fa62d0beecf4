// The two ways to start a conversation, with their names: for places where there is none to look at yet.

import { useTranslation } from 'react-i18next';
import { GroupIcon, NewChatIcon } from './icons.tsx';

export function StartButtons(props: { readonly onStart: (dialog: 'new-chat' | 'new-group') => void }) {
  const { t } = useTranslation();
  return (
    <div className="start-buttons">
      <button type="button" className="button" onClick={() => props.onStart('new-chat')}>
        <NewChatIcon />
        {t('conversations.newChat')}
      </button>
      <button type="button" className="button-quiet" onClick={() => props.onStart('new-group')}>
        <GroupIcon />
        {t('conversations.newGroup')}
      </button>
    </div>
  );
}
