// Starts a direct conversation: find someone, and write.

import type { User } from '@hongyan/client/api';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { openConversation } from '../browser/route.ts';
import { useChat } from '../state/chat-state.ts';
import { errorWords } from '../ui/error-words.ts';
import { Problem } from '../ui/problem.tsx';
import { Dialog } from './dialog.tsx';
import { useUserSearch } from './use-user-search.ts';
import { UserSearchList } from './user-search-list.tsx';

export function NewChat(props: { readonly firstQuery?: string | undefined; readonly onClose: () => void }) {
  const { onClose } = props;
  const { t } = useTranslation();
  const chat = useChat();
  const search = useUserSearch(props.firstQuery);
  const [problem, setProblem] = useState<string>();

  async function start(user: User): Promise<void> {
    try {
      const conversation = await chat.client.createDirect(user.user_id);
      chat.refresh();
      onClose();
      openConversation(conversation.conversationId);
    } catch (error) {
      setProblem(errorWords(error, t));
    }
  }

  return (
    <Dialog isForTyping title={t('conversations.newChat')} onClose={onClose}>
      <UserSearchList search={search} onPick={(user) => void start(user)} />
      <Problem words={problem} />
    </Dialog>
  );
}
