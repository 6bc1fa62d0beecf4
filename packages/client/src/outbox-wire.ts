// Messages and changes of the outbox as the wire has them: the request of each, and the entry that an acknowledged one is.

import type { Input } from '@hongyan/protocol/operations/operations';
import type { ClientMessage, MessageReply } from './api.ts';
import type { OutboxItem } from './client-storage.ts';
import type { Connection } from './connection.ts';
import type { ArrivedEntry } from './entry-kind.ts';
import type { Ack } from './outbox.ts';
import { privateType } from './private-state.ts';

// JSON leaves out what is undefined.

/** Once: the outbox waits itself, so that its order is kept. The content of a change has the fields of its request, as `client.ts` made it. */
export function transmit(connection: Connection, item: OutboxItem): Promise<Ack> {
  if (!item.isChange) return connection.requestOnce('send', sendInput(item));
  const { message, expectEdited } = item;
  const { type, ...fields } = message.content;
  const key = { client_msg_id: message.clientMsgId };
  if (type === privateType) return connection.requestOnce('setPrivate', { ...key, ...fields } as Input<'setPrivate'>);
  const change = { ...fields, conversation_id: message.conversationId, ...key };
  if (type === 'hongyan.recall') return connection.requestOnce('recall', change as unknown as Input<'recall'>);
  if (type === 'hongyan.pin') {
    const { pinned, ...place } = change as typeof change & { readonly pinned?: unknown };
    return connection.requestOnce(pinned ? 'pin' : 'unpin', place as unknown as Input<'pin'>);
  }
  if (type === 'hongyan.reaction') return connection.requestOnce('react', change as unknown as Input<'react'>);
  return connection.requestOnce('edit', { ...change, expect_seq: expectEdited } as unknown as Input<'edit'>);
}

function sendInput({ target, message }: OutboxItem): Input<'send'> {
  return {
    ...('to' in target ? { to: target.to } : { conversation_id: target.conversationId }),
    client_msg_id: message.clientMsgId,
    content: message.content,
    reply_to: message.replyTo && { seq: message.replyTo.seq },
    mentions: message.mentions,
  };
}

/** undefined before it is committed. */
export function entryOf(message: ClientMessage): ArrivedEntry | undefined {
  const { conversationId, clientMsgId, msgId, seq, from, content, timestampMs, replyTo, mentions } = message;
  if (msgId === undefined || seq === undefined) return undefined;
  return {
    msg_id: msgId,
    conversation_id: conversationId,
    seq,
    from,
    content,
    timestamp: timestampMs,
    client_msg_id: clientMsgId,
    status: 'ack',
    reply_to: replyTo && replyOf(replyTo),
    mentions,
  };
}

const replyOf = ({ seq, from, content, asOfSeq }: MessageReply): NonNullable<ArrivedEntry['reply_to']> => ({
  seq,
  from,
  content,
  as_of_seq: asOfSeq,
});
