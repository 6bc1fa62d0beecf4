// Reads new messages out to screen readers: only what arrives, never what scrolling brings into view.

import type { ClientMessage } from '@hongyan/client/api';
import { useTranslation } from 'react-i18next';
import { isSystem, textOf, usersIn } from '../messages/message-words.ts';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import { withoutMarks } from './sentence.tsx';
import { useNames } from './use-names.ts';

export function Announcer() {
  const { t } = useTranslation();
  const chat = useChat();
  const message = useSignal(chat.arrived);
  const nameOf = useNames(message ? usersIn(message) : []);
  const wordsOf = (arrived: ClientMessage) => {
    const kind = chat.client.conversation(arrived.conversationId)?.kind ?? 'direct';
    return withoutMarks(textOf(arrived, { t, nameOf, kind }));
  };
  return (
    <div className="unseen" aria-live="polite">
      {message &&
        (isSystem(message)
          ? wordsOf(message)
          : t('messages.announce', { name: nameOf(message.from), text: wordsOf(message) }))}
    </div>
  );
}
