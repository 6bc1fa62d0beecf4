// Messages of the outbox as the wire has them: the input of a send, and the entry that an acknowledged message is. Pure.

import type { Input } from '@hongyan/protocol/operations/operations';
import type { ClientMessage, OutboxItem } from './api.ts';
import type { Entry } from './wire.ts';

export function sendInput({ target, message }: OutboxItem): Input<'send'> {
  return {
    ...('to' in target ? { to: target.to } : { conversation_id: target.conversationId }),
    client_msg_id: message.clientMsgId,
    content: message.content,
  };
}

/** undefined before it is committed. */
export function entryOf(message: ClientMessage): Entry | undefined {
  const { conversationId, clientMsgId, msgId, seq, from, content, timestampMs } = message;
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
  };
}
