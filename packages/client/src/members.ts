// All members of a conversation, page by page.

import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import type { Input, Output } from '@hongyan/protocol/operations/operations';

type Members = Output<'listMembers'>['members'];

const pageMax = 200;

/** `ask` requests one page. */
export async function listMembers(
  conversationId: ConversationId,
  ask: (input: Input<'listMembers'>) => Promise<Output<'listMembers'>>,
): Promise<Members> {
  const members: Members = [];
  let after: UserId | undefined;
  do {
    const page = await ask({ conversation_id: conversationId, limit: pageMax, after });
    members.push(...page.members);
    after = page.next as UserId | undefined;
  } while (after !== undefined);
  return members;
}

/** As applications see it. */
export function toMember({ user_id, display_name, role, delivered_seq, read_seq }: Members[number]) {
  return { userId: user_id, displayName: display_name, role, deliveredSeq: delivered_seq, readSeq: read_seq };
}
