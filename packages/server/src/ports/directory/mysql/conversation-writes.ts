// Writes of conversations and their members. A transaction that changes members or roles first locks the row of the conversation. All
// transactions lock rows in one order: conversation, membership counts, members, receipts, each ascending by key.

import { type ConversationId, systemUserId, type UserId } from '@hongyan/protocol/ids';
import type { MemberRole } from '@hongyan/protocol/member-role';
import { insertNew } from '../../../adapters/mysql/insert-new.ts';
import type { Statements } from '../../../adapters/mysql/session.ts';
import { searchKeys } from '../../../domain/fold.ts';
import type {
  Addition,
  Conversations,
  ConversationUpdate,
  Creation,
  NewConversation,
  NewMember,
  Removal,
} from '../conversations.ts';
import type { FencedWrites } from './fenced-writes.ts';
import { byKeys, keyOf } from './keys.ts';

export class ConversationWrites {
  readonly #writes: FencedWrites;

  constructor(writes: FencedWrites) {
    this.#writes = writes;
  }

  create(conversation: NewConversation): Promise<Creation> {
    const members = membersOnce(conversation);
    return this.#writes.transaction(conversation.fence, async (db, abandon) => {
      if (!(await insertConversation(db, conversation, members.length))) return { type: 'exists' };
      const keys = members.map(({ userKey }) => userKey).sort();
      await this.#writes.insert(db, oneMore(keys));
      const full = await fullUsers(db, keys, conversation.conversationsPerUserMax);
      const first = members.find(({ userKey }) => full.has(userKey));
      if (first !== undefined) return abandon({ type: 'full', userId: first.userId });
      await this.#writes.insert(db, { into: membersInto, rows: rowsOf(conversation, members) });
      await addWords(db, conversation.conversationId, conversation.title);
      return { type: 'created' };
    });
  }

  update({ conversationId, title, isHistoryVisible, rules = {}, fence }: ConversationUpdate): Promise<boolean> {
    const visible = isHistoryVisible === undefined ? null : Number(isHistoryVisible);
    const { post = null, add = null, mention_all = null } = rules;
    const values = [title ?? null, visible, post, add, mention_all, keyOf(conversationId)];
    return this.#writes.transaction(fence, async (db) => {
      const conversation = await lock(db, conversationId);
      if (conversation === undefined) return false;
      await db.run(updateSql, values);
      if (title === undefined || title === conversation.title) return true;
      await removeWords(db, conversationId, conversation.title);
      await addWords(db, conversationId, title);
      return true;
    });
  }

  add(member: NewMember): Promise<Addition> {
    const { conversationId, userId, role, visibleFromSeq, readSeq = 0, atMs } = member;
    const place = [keyOf(conversationId), keyOf(userId)] as const;
    return this.#writes.transaction(member.fence, async (db, abandon) => {
      const conversation = await lock(db, conversationId);
      if (conversation === undefined) return 'no_conversation';
      if ((await roleOf(db, place)) !== undefined) return 'exists';
      if (conversation.member_count >= (member.memberCountMax ?? Number.POSITIVE_INFINITY)) return 'conversation_full';
      const [conversationKey, userKey] = place;
      await this.#writes.insert(db, oneMore([userKey]));
      const full = await fullUsers(db, [userKey], member.conversationsPerUserMax);
      if (full.size > 0) return abandon('user_full');
      const standing = conversation.last_standing + 1;
      const row = [conversationKey, userKey, userId, role, standing, visibleFromSeq, readSeq, readSeq, atMs];
      await this.#writes.insert(db, { into: membersInto, rows: [row] });
      await db.run(
        'update conversation set member_count = member_count + 1, last_standing = ? where conversation_key = ?',
        [standing, conversationKey],
      );
      return 'added';
    });
  }

  remove(request: Parameters<Conversations['removeMember']>[0]): Promise<Removal> {
    const { conversationId, userId, atMs, fence } = request;
    const place = [keyOf(conversationId), keyOf(userId)] as const;
    const [conversationKey, userKey] = place;
    return this.#writes.transaction(fence, async (db) => {
      const conversation = await lock(db, conversationId);
      const role = conversation && (await roleOf(db, place));
      if (conversation === undefined || role === undefined) return { wasMember: false };
      const isToHandOver = role === 'owner' && conversation.kind !== 'direct';
      const heir = isToHandOver ? await heirOf(db, place) : undefined;
      await db.run('update membership_count set conversations = conversations - 1 where user_key = ?', [userKey]);
      const crown = async () => {
        if (heir) await setRoles(db, { conversationKey, roles: [[heir.user_key, 'owner']], atMs });
      };
      // In key order, as in all transactions.
      if (heir && heir.user_key < userKey) await crown();
      await db.run('delete from member where conversation_key = ? and user_key = ?', place);
      if (heir && heir.user_key > userKey) await crown();
      await db.run('delete from receipt where conversation_key = ? and user_key = ?', place);
      await db.run('update conversation set member_count = member_count - 1 where conversation_key = ?', [
        conversationKey,
      ]);
      return heir === undefined ? { wasMember: true } : { wasMember: true, newOwner: heir.user_id };
    });
  }

  setRole(change: Parameters<Conversations['setRole']>[0]): Promise<boolean> {
    const { conversationId, userId, role, atMs, handedOverBy, fence } = change;
    const place = [keyOf(conversationId), keyOf(userId)] as const;
    return this.#writes.transaction(fence, async (db) => {
      if ((await lock(db, conversationId)) === undefined || (await roleOf(db, place)) === undefined) return false;
      const roles: (readonly [string, MemberRole])[] = [[place[1], role]];
      // An owner who hands over to themselves becomes an admin.
      if (handedOverBy !== undefined) roles.unshift([keyOf(handedOverBy), 'admin']);
      await setRoles(db, { conversationKey: place[0], roles, atMs });
      return true;
    });
  }
}

type Place = readonly [conversationKey: string, userKey: string];

interface MemberToAdd {
  readonly userId: UserId;
  readonly userKey: string;
  readonly role: MemberRole;
  readonly standing: number;
}

/** Each user once, with the first role, compared without regard to case. */
function membersOnce({ members }: NewConversation): readonly MemberToAdd[] {
  const byKey = new Map<string, MemberToAdd>();
  for (const { userId, role } of members) {
    const userKey = keyOf(userId);
    if (!byKey.has(userKey)) byKey.set(userKey, { userId, userKey, role, standing: byKey.size + 1 });
  }
  return [...byKey.values()];
}

function insertConversation(db: Statements, conversation: NewConversation, size: number): Promise<boolean> {
  const { conversationId, kind, title, isHistoryVisible, rules, atMs } = conversation;
  const facts = [kind, title, atMs, Number(isHistoryVisible), rules.post, rules.add, rules.mention_all, size, size];
  return insertNew(db, {
    into: `conversation (conversation_key, conversation_id, kind, title, created_at, is_history_visible, who_posts, who_adds,
      who_mentions_all, member_count, last_standing)`,
    row: [keyOf(conversationId), conversationId, ...facts],
  });
}

/** The member rows, in key order. */
const rowsOf = ({ conversationId, atMs }: NewConversation, members: readonly MemberToAdd[]) =>
  members
    .map(({ userId, userKey, role, standing }) => [
      keyOf(conversationId),
      userKey,
      userId,
      role,
      standing,
      1,
      0,
      0,
      atMs,
    ])
    .sort(byKeys);

/** Locks the conversation, so that no other transaction changes its members meanwhile. */
async function lock(db: Statements, conversationId: ConversationId): Promise<ConversationRow | undefined> {
  const [row] = await db.rows<ConversationRow>(
    'select kind, title, member_count, last_standing from conversation where conversation_key = ? for update',
    [keyOf(conversationId)],
  );
  return row;
}

interface ConversationRow {
  readonly kind: string;
  readonly title: string;
  readonly member_count: number;
  readonly last_standing: number;
}

async function addWords(db: Statements, conversationId: ConversationId, title: string): Promise<void> {
  const rows = searchKeys(title).map((word) => [word, keyOf(conversationId)]);
  if (rows.length > 0) await db.run('insert into conversation_word (word, conversation_key) values ?', [rows]);
}

/**
 * Removes the words of the former title. They are found by splitting the title again, because no index leads from a conversation to its
 * words.
 */
async function removeWords(db: Statements, conversationId: ConversationId, title: string): Promise<void> {
  const words = [...searchKeys(title)];
  if (words.length > 0)
    await db.run('delete from conversation_word where conversation_key = ? and word in (?)', [
      keyOf(conversationId),
      words,
    ]);
}

/** undefined for a user who is not a member. The conversation MUST be locked. */
async function roleOf(db: Statements, place: Place): Promise<MemberRole | undefined> {
  const [row] = await db.rows<{ readonly role: MemberRole }>(
    'select role from member where conversation_key = ? and user_key = ?',
    place,
  );
  return row?.role;
}

/**
 * Increments the membership counts. Locks their rows until the end of the transaction, so that concurrent transactions cannot exceed a
 * bound.
 */
const oneMore = (sortedUserKeys: readonly string[]) => ({
  into: 'membership_count (user_key, conversations)',
  rows: sortedUserKeys.map((key) => [key, 1]),
  onDuplicate: 'on duplicate key update conversations = conversations + 1',
});

/** The users whose incremented count exceeds the bound. The system has no bound. */
async function fullUsers(
  db: Statements,
  userKeys: readonly string[],
  max: number | undefined,
): Promise<ReadonlySet<string>> {
  const bounded = userKeys.filter((key) => key !== keyOf(systemUserId));
  if (max === undefined || bounded.length === 0) return new Set();
  const rows = await db.rows<{ readonly user_key: string }>(
    'select user_key from membership_count where user_key in (?) and conversations > ?',
    [bounded, max],
  );
  return new Set(rows.map((row) => row.user_key));
}

interface Heir {
  readonly user_key: string;
  readonly user_id: UserId;
}

/**
 * The next owner when the member at `place` leaves: the most senior admin, or else the most senior member; undefined while there is another
 * owner.
 */
async function heirOf(db: Statements, [conversationKey, userKey]: Place): Promise<Heir | undefined> {
  const first = `(select m.user_key, coalesce(u.user_id, m.user_id) as user_id, m.role from member m force index (by_standing)
    left join user u on u.user_key = m.user_key
    where m.conversation_key = ? and m.role = ? and m.user_key <> ? order by m.standing limit 1)`;
  const rows = await db.rows<Heir & { readonly role: MemberRole }>(
    [first, first, first].join(' union all '),
    (['owner', 'admin', 'member'] as const).flatMap((role) => [conversationKey, role, userKey]),
  );
  const find = (wanted: MemberRole) => rows.find(({ role }) => role === wanted);
  return find('owner') === undefined ? (find('admin') ?? find('member')) : undefined;
}

/** One statement that locks the members in key order. When a member is named twice, the first role applies. */
async function setRoles(
  db: Statements,
  change: {
    readonly conversationKey: string;
    readonly roles: readonly (readonly [userKey: string, role: MemberRole])[];
    readonly atMs: number;
  },
): Promise<void> {
  const { conversationKey, roles, atMs } = change;
  await db.run(
    `update member set role = case user_key ${roles.map(() => 'when ? then ?').join(' ')} end,
       updated_at = greatest(updated_at, ?) where conversation_key = ? and user_key in (?)`,
    [...roles.flat(), atMs, conversationKey, roles.map(([userKey]) => userKey)],
  );
}

const updateSql = `update conversation set title = coalesce(?, title), is_history_visible = coalesce(?, is_history_visible),
  who_posts = coalesce(?, who_posts), who_adds = coalesce(?, who_adds), who_mentions_all = coalesce(?, who_mentions_all)
  where conversation_key = ?`;

const membersInto =
  'member (conversation_key, user_key, user_id, role, standing, visible_from, delivered_seq, read_seq, updated_at)';
