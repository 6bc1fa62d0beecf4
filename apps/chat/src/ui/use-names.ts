// Names of users and conversations, as components show them; the id stands for a name that is not there yet.

import type { ConversationView, UserId } from '@hongyan/client/api';
import { useCallback, useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import { cleanName } from './clean-name.ts';

/** A function from user id to display name. */
export function useNames(userIds: readonly UserId[]): (userId: UserId) => string {
  const { people } = useChat();
  const names = useSignal(people.names);
  const key = userIds.join(' ');
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key says whether the ids changed
  useEffect(() => {
    for (const userId of userIds) people.want(userId);
  }, [people, key]);
  return useCallback((userId) => names.get(userId) ?? userId, [names]);
}

export function useName(userId: UserId): string {
  return useNames([userId])(userId);
}

/** A direct conversation has the other's name, or says that it is with oneself. */
export function useTitle(conversation: ConversationView): string {
  const { t } = useTranslation();
  const { userId } = useChat();
  const other = otherMember(conversation, userId);
  const nameOf = useNames(other === undefined ? [] : [other]);
  if (conversation.kind !== 'direct') return cleanName(conversation.title) || conversation.conversationId;
  return other === undefined ? t('conversations.notes') : nameOf(other);
}

/** The name of a user whom the server just listed. */
export const nameOfUser = (user: { readonly user_id: string; readonly display_name: string }): string =>
  cleanName(user.display_name) || user.user_id;

/** The other of a direct conversation; undefined for notes to self and for groups. */
export function otherMember(conversation: ConversationView, self: UserId): UserId | undefined {
  return conversation.kind === 'direct' ? conversation.members.find((userId) => userId !== self) : undefined;
}
