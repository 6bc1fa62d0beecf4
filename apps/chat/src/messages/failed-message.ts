// What can be done with a message that the server refused.

import { unreachable } from '@hongyan/base/assert';
import type { ClientMessage } from '@hongyan/client/api';
import type { ChatState } from '../state/chat-state.ts';

export type FailedAction = 'retry' | 'editAgain' | 'discard';

/** Refused for what it is: the same message can never be accepted. */
const unchangeable = ['too_large', 'bad_request', 'conflict'];

export function failedActions({ status, error, content }: ClientMessage): readonly FailedAction[] {
  if (status !== 'failed') return [];
  const canRetry = !unchangeable.includes(error?.code ?? '');
  const canEdit = content.type === 'text';
  return [...(canRetry ? ['retry' as const] : []), ...(canEdit ? ['editAgain' as const] : []), 'discard'];
}

export function runFailedAction(chat: ChatState, message: ClientMessage, action: FailedAction): void {
  switch (action) {
    case 'retry':
      return chat.client.retry(message.clientMsgId);
    case 'editAgain':
      return chat.editAgain(message);
    case 'discard':
      return chat.discard(message);
    default:
      unreachable(action);
  }
}
