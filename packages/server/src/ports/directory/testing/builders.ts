// What the directory's tests build their cases from.

import type { ConversationId, DeviceId, Seq, UserId } from '@hongyan/protocol/ids';
import type { Rules } from '@hongyan/protocol/rules';
import type { MemberKey, NewConversation, NewMember } from '../conversations.ts';
import type { Directory } from '../directory.ts';
import type { ReceiptAdvance } from '../receipts.ts';
import type { NewUser } from '../users.ts';

export interface DirectoryUnderTest {
  readonly directory: Directory;
  /** Closes it and opens the same data again. */
  reopen(): Promise<Directory>;
  /** Closes it and removes its data. */
  remove(): Promise<void>;
}

/** The directory of the running test. */
export type Current = () => Directory;

export const user = (id: string) => id as UserId;
export const device = (id: string) => id as DeviceId;
export const conversation = (id: string) => id as ConversationId;
export const seq = (value: number) => value as Seq;

export const newUser = (id: string, displayName = id): NewUser => ({
  userId: user(id),
  displayName,
  createdAtMs: 1,
  passwordHash: `$argon2id$${id}`,
});

export const rules: Rules = { post: 'members', add: 'admins', mention_all: 'admins' };

/** The first member is the owner. */
export const group = (
  id: string,
  members: readonly string[],
  more: Partial<Pick<NewConversation, 'kind' | 'isHistoryVisible' | 'rules' | 'conversationsPerUserMax'>> = {},
): NewConversation => ({
  conversationId: conversation(id),
  kind: 'group',
  title: `title of ${id}`,
  isHistoryVisible: true,
  rules,
  members: members.map((userId, index) => ({ userId: user(userId), role: index === 0 ? 'owner' : 'member' })),
  atMs: 10,
  ...more,
});

export const keyOf = (userId: string, conversationId = 'g:1'): MemberKey => ({
  conversationId: conversation(conversationId),
  userId: user(userId),
});

export const joining = (userId: string, more: Partial<NewMember> = {}): NewMember => ({
  ...keyOf(userId),
  role: 'member',
  visibleFromSeq: seq(8),
  atMs: 30,
  ...more,
});

/** By ann's phone in g:1. */
export const advance = (some: Partial<ReceiptAdvance> = {}): ReceiptAdvance => ({
  ...keyOf('ann'),
  deviceId: device('phone'),
  deliveredSeq: seq(0),
  readSeq: seq(0),
  atMs: 20,
  ...some,
});

export const memberOf = async (directory: Directory, userId: string, conversationId = 'g:1') =>
  (await directory.getMembers([keyOf(userId, conversationId)]))[0];

export const conversationOf = async (directory: Directory, id: string) =>
  (await directory.getConversations([conversation(id)])).get(conversation(id));

export const receiptsOf = async (directory: Directory, userId: string, conversationId = 'g:1') =>
  (await directory.deviceReceipts({ conversationId: conversation(conversationId), userIds: [user(userId)] })).get(
    user(userId),
  ) ?? [];

/** All members of a conversation, page by page. */
export async function allMembers(directory: Directory, id: string, limit = 2): Promise<readonly string[]> {
  const found: string[] = [];
  for (let after: UserId | undefined; ; ) {
    const page = await directory.members({ conversationId: conversation(id), limit, ...(after && { after }) });
    found.push(...page.map(({ userId }) => userId));
    after = page.at(-1)?.userId;
    if (after === undefined) return found;
  }
}

/** All conversations of a user, page by page. */
export async function allMemberships(directory: Directory, id: string, limit = 2) {
  const found: Awaited<ReturnType<Directory['memberships']>>[number][] = [];
  for (let after: ConversationId | undefined; ; ) {
    const page = await directory.memberships({ userId: user(id), limit, ...(after && { after }) });
    found.push(...page);
    after = page.at(-1)?.conversation.conversationId;
    if (after === undefined) return found;
  }
}
