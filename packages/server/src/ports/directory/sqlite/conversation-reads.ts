// Reads of conversations and their members. Many keys are one statement over a JSON array, because each statement acquires a lock.

import type { Database } from 'bun:sqlite';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import { pastPrefix, searchPrefix } from '../../../domain/fold.ts';
import { type ConversationRow, conversationFacts, toConversation } from '../conversation-row.ts';
import type { ConversationRecord, Conversations, MemberKey, MemberRecord, Membership } from '../conversations.ts';

type MembersRequest = Parameters<Conversations['members']>[0];
type MembersOfManyRequest = Parameters<Conversations['membersOfMany']>[0];
type MembershipsRequest = Parameters<Conversations['memberships']>[0];
type ListRequest = Parameters<Conversations['listConversations']>[0];

export class ConversationReads {
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: Database) {
    this.#statements = prepare(db);
  }

  conversations(conversationIds: readonly ConversationId[]): ReadonlyMap<ConversationId, ConversationRecord> {
    const rows = this.#statements.conversations.all(JSON.stringify(conversationIds));
    return new Map(rows.map((row) => [row.asked, toConversation(row)]));
  }

  getMembers(keys: readonly MemberKey[]): readonly (MemberRecord | undefined)[] {
    const pairs = keys.map(({ conversationId, userId }) => [conversationId, userId]);
    const members = new Array<MemberRecord | undefined>(keys.length).fill(undefined);
    for (const row of this.#statements.membersByKey.all(JSON.stringify(pairs))) members[row.place] = toMember(row);
    return members;
  }

  /** In the order of user numbers, which is the order of the rows. Any other order would sort all members for each page. */
  members({ conversationId, after, limit, reached = {} }: MembersRequest): readonly MemberRecord[] {
    const { deliveredSeq = 0, readSeq = 0 } = reached;
    const rows =
      after === undefined
        ? this.#statements.firstMembers.all(conversationId, deliveredSeq, readSeq, limit)
        : this.#statements.membersAfter.all(conversationId, deliveredSeq, readSeq, after, limit);
    return rows.map(toMember);
  }

  membersOfMany({
    conversationIds,
    limit,
  }: MembersOfManyRequest): ReadonlyMap<ConversationId, readonly MemberRecord[]> {
    const members = new Map<ConversationId, MemberRecord[]>();
    for (const row of this.#statements.membersOfMany.all(JSON.stringify(conversationIds), limit)) {
      const page = members.get(row.asked);
      if (page === undefined) members.set(row.asked, [toMember(row)]);
      else page.push(toMember(row));
    }
    return members;
  }

  /** In the order of conversation numbers, the order of the index. */
  memberships({ userId, after, limit }: MembershipsRequest): readonly Membership[] {
    const rows =
      after === undefined
        ? this.#statements.firstMemberships.all(userId, limit)
        : this.#statements.membershipsAfter.all(userId, after, limit);
    return rows.map((row) => ({ member: toMember(row), conversation: toConversation(row) }));
  }

  countMemberships(userId: UserId): number {
    return this.#statements.countMemberships.get(userId)?.count ?? 0;
  }

  list({ idPrefix = '', after, limit }: ListRequest): readonly ConversationRecord[] {
    const end = pastPrefix(idPrefix);
    // SQLite uses only one of two lower bounds with the index, so only the higher one is passed.
    const isFirst = after === undefined || after.toLowerCase() < idPrefix.toLowerCase();
    const rows = isFirst
      ? this.#statements.listFrom.all(idPrefix, end, limit)
      : this.#statements.listAfter.all(after, end, limit);
    return rows.map(toConversation);
  }

  search({ query, limit }: { readonly query: string; readonly limit: number }): readonly ConversationRecord[] {
    const prefix = searchPrefix(query);
    if (prefix === '' || limit <= 0) return [];
    const matches = new Map<ConversationId, ConversationRecord>();
    // A title may match by several of its words.
    for (const row of this.#statements.byTitle.iterate(prefix, pastPrefix(prefix))) {
      if (!matches.has(row.conversation_id)) matches.set(row.conversation_id, toConversation(row));
      if (matches.size >= limit) break;
    }
    return [...matches.values()];
  }
}

/** The requested id. The stored one may differ in case. */
interface Asked {
  readonly asked: ConversationId;
}
interface MemberRow {
  readonly conversation_id: ConversationId;
  readonly user_id: UserId;
  readonly is_owner: number;
  readonly is_admin: number;
  readonly visible_from: Seq;
  readonly delivered_seq: Seq;
  readonly read_seq: Seq;
  readonly sent_seq: Seq;
  readonly updated_at: number;
}

const toMember = (row: MemberRow): MemberRecord => ({
  conversationId: row.conversation_id,
  userId: row.user_id,
  role: row.is_owner === 1 ? 'owner' : row.is_admin === 1 ? 'admin' : 'member',
  visibleFromSeq: row.visible_from,
  deliveredSeq: row.delivered_seq,
  readSeq: row.read_seq,
  sentSeq: row.sent_seq,
  updatedAtMs: row.updated_at,
});

const conversationColumns = `c.id AS conversation_id, ${conversationFacts}`;
const memberColumns =
  'c.id AS conversation_id, u.id AS user_id, m.is_owner, m.is_admin, m.visible_from, m.delivered_seq, m.read_seq, m.sent_seq, m.updated_at';
/** CROSS JOIN fixes the order of the tables, so that the planner does not start with another one. */
const membersOfOne = `SELECT ${memberColumns} FROM conversation c
  CROSS JOIN member m ON m.conversation_no = c.no CROSS JOIN user u ON u.no = m.user_no
  WHERE c.id = ? AND m.delivered_seq >= ? AND m.read_seq >= ?`;
const membershipsOfOne = `SELECT ${memberColumns}, ${conversationFacts}
  FROM user u CROSS JOIN member m INDEXED BY member_by_user ON m.user_no = u.no
  CROSS JOIN conversation c ON c.no = m.conversation_no WHERE u.id = ?`;

/** Each query MUST use an index, without sorting. */
export const conversationListSql = {
  listFrom: `SELECT ${conversationColumns} FROM conversation c WHERE c.id >= ? AND c.id < ? ORDER BY c.id LIMIT ?`,
  listAfter: `SELECT ${conversationColumns} FROM conversation c WHERE c.id > ? AND c.id < ? ORDER BY c.id LIMIT ?`,
  byTitle: `SELECT ${conversationColumns} FROM conversation_word w CROSS JOIN conversation c ON c.no = w.conversation_no
    WHERE w.word >= ? AND w.word < ? ORDER BY w.word, w.conversation_no`,
} as const;

function prepare(db: Database) {
  return {
    conversations: db.prepare<ConversationRow & Asked, [string]>(
      `SELECT asked.value AS asked, ${conversationColumns}
       FROM json_each(?) AS asked CROSS JOIN conversation c ON c.id = asked.value`,
    ),
    membersByKey: db.prepare<MemberRow & { readonly place: number }, [string]>(
      `SELECT asked.key AS place, ${memberColumns} FROM json_each(?) AS asked
       CROSS JOIN conversation c ON c.id = asked.value ->> 0 CROSS JOIN user u ON u.id = asked.value ->> 1
       CROSS JOIN member m ON m.conversation_no = c.no AND m.user_no = u.no`,
    ),
    membersOfMany: db.prepare<MemberRow & Asked, [string, number]>(
      `SELECT asked.value AS asked, ${memberColumns}
       FROM (SELECT DISTINCT value FROM json_each(?)) AS asked CROSS JOIN conversation c ON c.id = asked.value
       CROSS JOIN member m ON m.conversation_no = c.no AND m.user_no IN
         (SELECT user_no FROM member WHERE conversation_no = c.no ORDER BY user_no LIMIT ?)
       CROSS JOIN user u ON u.no = m.user_no ORDER BY asked.value, m.user_no`,
    ),
    firstMembers: db.prepare<MemberRow, [string, number, number, number]>(`${membersOfOne} ORDER BY m.user_no LIMIT ?`),
    membersAfter: db.prepare<MemberRow, [string, number, number, string, number]>(
      `${membersOfOne} AND m.user_no > (SELECT no FROM user WHERE id = ?) ORDER BY m.user_no LIMIT ?`,
    ),
    firstMemberships: db.prepare<MemberRow & ConversationRow, [string, number]>(
      `${membershipsOfOne} ORDER BY m.conversation_no LIMIT ?`,
    ),
    membershipsAfter: db.prepare<MemberRow & ConversationRow, [string, string, number]>(
      `${membershipsOfOne} AND m.conversation_no > (SELECT no FROM conversation WHERE id = ?)
       ORDER BY m.conversation_no LIMIT ?`,
    ),
    countMemberships: db.prepare<{ count: number }, [string]>(
      'SELECT count(*) AS count FROM member INDEXED BY member_by_user WHERE user_no = (SELECT no FROM user WHERE id = ?)',
    ),
    listFrom: db.prepare<ConversationRow, [string, string, number]>(conversationListSql.listFrom),
    listAfter: db.prepare<ConversationRow, [string, string, number]>(conversationListSql.listAfter),
    byTitle: db.prepare<ConversationRow, [string, string]>(conversationListSql.byTitle),
  };
}
