// A storage that lasts as long as the process: the default, for bots and tests.

import type { ClientMsgId, ConversationId } from '@hongyan/protocol/ids';
import type { ClientStorage, OutboxItem, StoredConversation, StoredMeta } from './api.ts';

export function createMemoryStorage(): ClientStorage {
  let meta: StoredMeta = {};
  const outbox = new Map<ClientMsgId, OutboxItem>();
  const conversations = new Map<ConversationId, StoredConversation>();
  return {
    load: async () => ({ meta, outbox: [...outbox.values()], conversations: [...conversations.values()] }),
    async saveMeta(fields) {
      meta = { ...meta, ...fields };
    },
    async putOutbox(item) {
      outbox.set(item.message.clientMsgId, item);
    },
    async deleteOutbox(clientMsgId) {
      outbox.delete(clientMsgId);
    },
    async putConversations(changed) {
      for (const stored of changed) conversations.set(stored.conversationId, stored);
    },
    async deleteConversation(conversationId) {
      conversations.delete(conversationId);
    },
    async clear() {
      meta = meta.deviceId === undefined ? {} : { deviceId: meta.deviceId };
      outbox.clear();
      conversations.clear();
    },
  };
}
