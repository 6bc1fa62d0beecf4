// Reads of conversations and their members.

import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import type { MemberRole } from '@hongyan/protocol/member-role';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { SqlValue } from '../../../adapters/mysql/session.ts';
import { keysMax, pastPrefix, searchPrefix } from '../../../domain/fold.ts';
import { type ConversationRow, conversationFacts, toConversation } from '../conversation-row.ts';
import type { ConversationRecord, Conversations, MemberKey, MemberRecord, Membership } from '../conversations.ts';
import { byKeys, byRequestedId, keyOf, memberKeyOf, sortedKeys } from './keys.ts';

export class ConversationReads {
  readonly #pool: MysqlPool;

  constructor(pool: MysqlPool) {
    this.#pool = pool;
  }

  async conversations(ids: readonly ConversationId[]): Promise<ReadonlyMap<ConversationId, ConversationRecord>> {
    const keys = [...new Set(ids.map(keyOf))];
    if (keys.length === 0) return new Map();
    const sql = `select ${conversationColumns} from conversation c where c.conversation_key in (?)`;
    const rows = await this.#pool.read<ConversationRow>(sql, [keys]);
    return byRequestedId(ids, new Map(rows.map((row) => [keyOf(row.conversation_id), toConversation(row)])));
  }

  async getMembers(keys: readonly MemberKey[]): Promise<readonly (MemberRecord | undefined)[]> {
    if (keys.length === 0) return [];
    const sql = `${membersOf} where (m.conversation_key, m.user_key) in (?)`;
    const rows = await this.#pool.read<MemberRow>(sql, [sortedKeys(keys)]);
    const byKey = new Map(rows.map((row) => [`${row.conversation_key} ${row.user_key}`, toMember(row)]));
    return keys.map((key) => byKey.get(memberKeyOf(key)));
  }

  async members(request: Parameters<Conversations['members']>[0]): Promise<readonly MemberRecord[]> {
    const { conversationId, after, limit, reached } = request;
    const sql = `${membersOf} where m.conversation_key = ? and m.user_key > ? and m.delivered_seq >= ? and m.read_seq >= ?
      order by m.user_key limit ?`;
    const from = [keyOf(conversationId), after === undefined ? '' : keyOf(after)];
    const bounds = [reached?.deliveredSeq ?? 0, reached?.readSeq ?? 0, limit];
    return (await this.#pool.read<MemberRow>(sql, [...from, ...bounds])).map(toMember);
  }

  /**
   * Takes two queries. All members of conversations that fit into a page are read at once. For each larger conversation a page is selected.
   */
  async membersOfMany({
    conversationIds,
    limit,
  }: Parameters<Conversations['membersOfMany']>[0]): Promise<ReadonlyMap<ConversationId, readonly MemberRecord[]>> {
    const keys = [...new Set(conversationIds.map(keyOf))];
    if (keys.length === 0) return new Map();
    const sizes = await this.#pool.read<{ readonly conversation_key: string; readonly member_count: number }>(
      'select conversation_key, member_count from conversation where conversation_key in (?)',
      [keys],
    );
    const small = sizes.flatMap((row) => (row.member_count <= limit ? [row.conversation_key] : []));
    const large = sizes.flatMap((row) => (row.member_count > limit ? [row.conversation_key] : []));
    const pages = large.map(() => `(${membersOf} where m.conversation_key = ? order by m.user_key limit ?)`);
    const values: SqlValue[] = large.flatMap((key) => [key, limit]);
    if (small.length > 0) {
      pages.push(`(${membersOf} where m.conversation_key in (?))`);
      values.push(small);
    }
    if (pages.length === 0) return new Map();
    const rows = await this.#pool.read<MemberRow>(pages.join(' union all '), values);
    return byRequestedId(conversationIds, pagesOf(rows, limit));
  }

  async memberships(request: Parameters<Conversations['memberships']>[0]): Promise<readonly Membership[]> {
    const { userId, after, limit } = request;
    const sql = `${membershipsOf} where m.user_key = ? and m.conversation_key > ? order by m.conversation_key limit ?`;
    const values = [keyOf(userId), after === undefined ? '' : keyOf(after), limit];
    const rows = await this.#pool.read<MemberRow & ConversationRow>(sql, values);
    return rows.map((row) => ({ member: toMember(row), conversation: toConversation(row) }));
  }

  async countMemberships(userId: UserId): Promise<number> {
    const sql = 'select conversations from membership_count where user_key = ?';
    const [row] = await this.#pool.read<{ readonly conversations: number }>(sql, [keyOf(userId)]);
    return row?.conversations ?? 0;
  }

  async list(request: Parameters<Conversations['listConversations']>[0]): Promise<readonly ConversationRecord[]> {
    const { after, limit } = request;
    const prefix = (request.idPrefix ?? '').toLowerCase();
    const last = after === undefined ? '' : keyOf(after);
    const [sql, from] =
      after === undefined || last < prefix ? [listSql.listFrom, prefix] : ([listSql.listAfter, last] as const);
    const rows = await this.#pool.read<ConversationRow>(sql, [from, pastPrefix(prefix), limit]);
    return rows.map(toConversation);
  }

  async search({ query, limit }: Parameters<Conversations['searchConversations']>[0]) {
    const prefix = searchPrefix(query);
    if (prefix === '' || limit <= 0) return [];
    const values = [prefix, pastPrefix(prefix), limit * keysMax, limit];
    return (await this.#pool.read<ConversationRow>(listSql.byTitle, values)).map(toConversation);
  }
}

/** Cuts at the limit, because a conversation may have grown between the two queries. */
function pagesOf(rows: readonly MemberRow[], limit: number): ReadonlyMap<string, readonly MemberRecord[]> {
  const pages = new Map<string, MemberRecord[]>();
  for (const row of rows.toSorted((one, other) => byKeys([one.user_key], [other.user_key]))) {
    const page = pages.get(row.conversation_key);
    if (page === undefined) pages.set(row.conversation_key, [toMember(row)]);
    else if (page.length < limit) page.push(toMember(row));
  }
  return pages;
}

interface MemberRow {
  readonly conversation_key: string;
  readonly user_key: string;
  readonly conversation_id: ConversationId;
  readonly user_id: UserId;
  readonly role: MemberRole;
  readonly visible_from: Seq;
  readonly delivered_seq: Seq;
  readonly read_seq: Seq;
  readonly sent_seq: Seq;
  readonly updated_at: number;
}

const toMember = (row: MemberRow): MemberRecord => ({
  conversationId: row.conversation_id,
  userId: row.user_id,
  role: row.role,
  visibleFromSeq: row.visible_from,
  deliveredSeq: row.delivered_seq,
  readSeq: row.read_seq,
  sentSeq: row.sent_seq,
  updatedAtMs: row.updated_at,
});

const conversationColumns = `c.conversation_id, ${conversationFacts}`;
/** The id of an account is that of its creation. For a user without an account it is that of the membership. */
const memberColumns = `m.conversation_key, m.user_key, c.conversation_id, coalesce(u.user_id, m.user_id) as user_id, m.role,
  m.visible_from, m.delivered_seq, m.read_seq, m.sent_seq, m.updated_at`;
const joins =
  'join conversation c on c.conversation_key = m.conversation_key left join user u on u.user_key = m.user_key';
const membersOf = `select ${memberColumns} from member m ${joins}`;
const membershipsOf = `select ${memberColumns}, ${conversationFacts} from member m force index (by_user) ${joins}`;

/** Each query MUST use an index: only rows within the limit are sorted. */
export const listSql = {
  listFrom: `select ${conversationColumns} from conversation c where c.conversation_key >= ? and c.conversation_key < ?
    order by c.conversation_key limit ?`,
  listAfter: `select ${conversationColumns} from conversation c where c.conversation_key > ? and c.conversation_key < ?
    order by c.conversation_key limit ?`,
  byTitle: `select ${conversationColumns} from
      (select conversation_key, min(word) as word from
        (select word, conversation_key from conversation_word where word >= ? and word < ?
          order by word, conversation_key limit ?) as words
        group by conversation_key order by word, conversation_key limit ?) as found
    join conversation as c on c.conversation_key = found.conversation_key order by found.word, c.conversation_key`,
} as const;
