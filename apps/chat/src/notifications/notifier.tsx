// Hands each new message of others to the notifications, in words.

import type { ClientMessage } from '@hongyan/client/api';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { openConversation } from '../browser/route.ts';
import { isSystem, textOf, usersIn } from '../messages/message-words.ts';
import { useChat } from '../state/chat-state.ts';
import { cleanName } from '../ui/clean-name.ts';
import { withoutMarks } from '../ui/sentence.tsx';

/** Not through a state of React: a hidden page draws nothing. */
export function Notifier(): null {
  const { t } = useTranslation();
  const { client, people, notifications, userId } = useChat();
  useEffect(() => {
    async function arrived(message: ClientMessage): Promise<void> {
      const { conversationId, from, seq = 0 } = message;
      const conversation = client.conversation(conversationId);
      if (!conversation || conversation.isMuted || from === userId || isSystem(message)) return; // [E24]
      if (seq <= conversation.unreadAfterSeq) return; // read on another device before it arrived here
      for (const user of usersIn(message)) people.want(user);
      const names = people.names.get();
      const name = names.get(from) ?? from;
      const { kind, title } = conversation;
      const text = withoutMarks(textOf(message, { t, nameOf: (user) => names.get(user) ?? user, kind }));
      const words =
        kind === 'direct'
          ? { title: name, body: text }
          : { title: cleanName(title), body: t('messages.announce', { name, text }) };
      await notifications.show({ conversationId, ...words }, () => openConversation(conversationId));
    }
    return client.on('message', (message) => void arrived(message));
  }, [client, people, notifications, userId, t]);
  return null;
}
