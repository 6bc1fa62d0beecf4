// The conversations that the list shows, in its order.

import type { ConversationId, ConversationView } from '@hongyan/client/api';
import { useMemo } from 'react';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import { isListed, waitingFirst } from './list-rows.ts';

export function useListed(openId: ConversationId | undefined): readonly ConversationView[] {
  const { client, conversations, drafts } = useChat();
  const all = useSignal(conversations);
  const written = useSignal(drafts.all);
  return useMemo(() => {
    const outbox = client.outbox(); // each change of it also publishes `conversations`
    const begun = new Set([...written.keys(), ...outbox.map(({ conversationId }) => conversationId), openId]);
    return waitingFirst(
      all.filter((one) => isListed(one) || begun.has(one.conversationId)),
      outbox,
    );
  }, [client, all, written, openId]);
}
