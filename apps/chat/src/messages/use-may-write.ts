// Whether this user may write in a conversation: in a broadcast its owners alone.

import type { ConversationView } from '@hongyan/client/api';
import { useEffect, useState } from 'react';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';

/** False until the role in a broadcast is certain: a composer that can only fail is worse than one that comes late. */
export function useMayWrite(conversation: ConversationView): boolean {
  const { conversationId, kind } = conversation;
  const { client, userId, connection } = useChat();
  const isOnline = useSignal(connection).type === 'online';
  const ofView = 'role' in conversation ? conversation.role : undefined;
  const [ofMembers, setOfMembers] = useState<string>();
  const isUnknown = kind === 'broadcast' && ofView === undefined && ofMembers === undefined;
  useEffect(() => {
    if (!isUnknown || !isOnline) return;
    let isCurrent = true;
    client.members(conversationId).then(
      (members) => isCurrent && setOfMembers(members.find((member) => member.userId === userId)?.role),
      () => {}, // asked again when the connection is back
    );
    return () => {
      isCurrent = false;
    };
  }, [client, conversationId, userId, isUnknown, isOnline]);
  return kind !== 'broadcast' || (ofView ?? ofMembers) === 'owner';
}
