// Reads new messages out to those who listen to the page: only what arrives, never what scrolling brings into view.

import { useTranslation } from 'react-i18next';
import { textOf } from '../messages/message-words.ts';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import { useNames } from './use-names.ts';

export function Announcer() {
  const { t } = useTranslation();
  const message = useSignal(useChat().arrived);
  const nameOf = useNames(message ? [message.from] : []);
  return (
    <div className="unseen" aria-live="polite">
      {message && t('messages.announce', { name: nameOf(message.from), text: textOf(message, t, nameOf) })}
    </div>
  );
}
