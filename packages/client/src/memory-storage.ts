// A storage that lasts as long as the process: the default, for bots and tests.

import type { ClientMsgId, ConversationId } from '@hongyan/protocol/ids';
import type { ClientMessage } from './api.ts';
import type { ClientStorage, OutboxItem, StoredConversation, StoredMeta } from './client-storage.ts';
import { deleteWhere } from './map-entries.ts';
import { checkOwner, isOwnedBy } from './storage-owner.ts';

/** `messageBytesMax` as in ClientStorage; default 5 MB. */
export function createMemoryStorage({ messageBytesMax = 5e6 } = {}): ClientStorage {
  let meta: StoredMeta = {};
  const outbox = new Map<ClientMsgId, OutboxItem>();
  const conversations = new Map<ConversationId, StoredConversation>();
  const kept = new Map<ConversationId, Map<number, ClientMessage>>();
  return {
    messageBytesMax,
    load: async () => ({ meta, outbox: [...outbox.values()], conversations: [...conversations.values()] }),
    async saveMeta(fields, owner) {
      checkOwner(meta, owner);
      meta = { ...meta, ...fields };
    },
    async putOutbox(item, owner) {
      checkOwner(meta, owner);
      outbox.set(item.message.clientMsgId, item);
    },
    async deleteOutbox(clientMsgId, owner) {
      checkOwner(meta, owner);
      outbox.delete(clientMsgId);
    },
    async putConversations(changed, owner) {
      checkOwner(meta, owner);
      for (const { conversationId, state, messages = [], deleteBeforeSeq = 0 } of changed) {
        conversations.set(conversationId, { conversationId, state });
        const bySeq = kept.get(conversationId) ?? new Map<number, ClientMessage>();
        deleteWhere(bySeq, (seq) => seq < deleteBeforeSeq);
        for (const message of messages) if (message.seq !== undefined) bySeq.set(message.seq, message);
        kept.set(conversationId, bySeq);
      }
    },
    async messages({ conversationId, fromSeq, throughSeq }, owner) {
      checkOwner(meta, owner);
      const found = [...(kept.get(conversationId) ?? [])].filter(([seq]) => seq >= fromSeq && seq <= throughSeq);
      return found.sort(([a], [b]) => a - b).map(([, message]) => message);
    },
    async deleteConversation(conversationId, owner) {
      checkOwner(meta, owner);
      conversations.delete(conversationId);
      kept.delete(conversationId);
    },
    async clear(owner) {
      if (!isOwnedBy(meta, owner)) return;
      meta = { deviceId: meta.deviceId };
      outbox.clear();
      conversations.clear();
      kept.clear();
    },
  };
}
