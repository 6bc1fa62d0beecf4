// What this user can do with a message. Pure: the server decides, and this only keeps what it must refuse out of the menu.

import type { ClientMessage, ConversationView, UserId } from '@hongyan/client/api';
import { mayPost } from '../state/group-rules.ts';
import { type FailedAction, failedActions } from './failed-message.ts';
import { isSystem } from './message-words.ts';

export type MessageAction =
  | 'reply'
  | 'copy'
  | 'edit'
  | 'pin'
  | 'unpin'
  | 'recall'
  | 'where'
  | 'reactions'
  | FailedAction;

export interface MessageFacts {
  readonly message: ClientMessage;
  readonly self: UserId;
  readonly conversation: Pick<ConversationView, 'kind' | 'role' | 'rules'> | undefined;
}

/** In the order of the menu. */
export function actionsOf(facts: MessageFacts): readonly MessageAction[] {
  const { message, self, conversation } = facts;
  const { content, seq, reactions, isRecalled } = message;
  if (seq === undefined) return [...(content.text === undefined ? [] : ['copy' as const]), ...failedActions(message)];
  if (isRecalled) return ['where'];
  const hasComposer = conversation !== undefined && mayPost(conversation);
  const pinning = message.isPinned ? ('unpin' as const) : ('pin' as const);
  return [
    ...(hasComposer ? ['reply' as const] : []),
    ...(content.text === undefined ? [] : ['copy' as const]),
    ...(hasComposer && mayEdit(message, self) ? ['edit' as const] : []),
    ...(reactions === undefined ? [] : ['reactions' as const]),
    'where',
    ...(mayPin(conversation) ? [pinning] : []),
    ...(mayRecall(facts) ? ['recall' as const] : []),
  ];
}

/** The time for it is the server's to know. */
function mayEdit({ seq, from, content, isRecalled }: ClientMessage, self: UserId): boolean {
  return seq !== undefined && from === self && !isRecalled && content.type === 'text';
}

export const mayReact = ({ seq, isRecalled }: ClientMessage): boolean => seq !== undefined && !isRecalled;

/** The last message of this user, where it can be edited. */
export function lastEditable(messages: readonly ClientMessage[], self: UserId): ClientMessage | undefined {
  const last = messages.findLast((message) => message.from === self && !isSystem(message) && !message.isRecalled);
  return last && mayEdit(last, self) ? last : undefined;
}

/** [E9] */
export const mayPin = (conversation: Pick<ConversationView, 'kind' | 'role'> | undefined): boolean =>
  conversation !== undefined && (conversation.kind === 'direct' || conversation.role !== 'member');

/** [E5] */
function mayRecall({ message, self, conversation }: MessageFacts): boolean {
  if (message.from === self) return true;
  return conversation !== undefined && conversation.kind !== 'direct' && conversation.role !== 'member';
}
