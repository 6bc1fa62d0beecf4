// Writes of conversations and their members.

import type { Database } from 'bun:sqlite';
import { type ConversationId, isSystemUser, type UserId } from '@hongyan/protocol/ids';
import type { MemberRole } from '@hongyan/protocol/member-role';
import { searchKeys } from '../../../domain/fold.ts';
import type { Addition, Creation, Removal } from '../conversations.ts';
import type { Numbers } from './numbers.ts';
import type { ValueOf } from './ops.ts';

export class ConversationWrites {
  readonly #numbers: Numbers;
  readonly #statements: ReturnType<typeof prepare>;

  constructor(db: Database, numbers: Numbers) {
    this.#numbers = numbers;
    this.#statements = prepare(db);
  }

  create(conversation: ValueOf<'createConversation'>): Creation {
    const { conversationId, kind, title, isHistoryVisible, rules, atMs, conversationsPerUserMax } = conversation;
    if (this.#numbers.ofConversation(conversationId) !== undefined) return { type: 'exists' };
    const roles = firstRoles(conversation, this.#numbers);
    const full = roles.find((member) => this.#isUserFull(member, conversationsPerUserMax));
    if (full !== undefined) return { type: 'full', userId: full.userId };
    const size = roles.length;
    const settings = [Number(isHistoryVisible), rules.post, rules.add, rules.mention_all] as const;
    const no = this.#statements.create.get(conversationId, kind, title, atMs, ...settings, size, size)?.no;
    if (no === undefined) return { type: 'exists' };
    for (const [index, { userNo, role }] of roles.entries())
      this.#statements.addMember.run(no, userNo, ...roleColumns(role), index + 1, 1, 0, 0, atMs);
    for (const word of searchKeys(title)) this.#statements.addWord.run(word, no);
    return { type: 'created' };
  }

  update({ conversationId, title, isHistoryVisible, rules = {} }: ValueOf<'updateConversation'>): boolean {
    if (title !== undefined) this.#moveWords(conversationId, title);
    const visible = isHistoryVisible === undefined ? null : Number(isHistoryVisible);
    const { post = null, add = null, mention_all = null } = rules;
    return this.#statements.update.run(title ?? null, visible, post, add, mention_all, conversationId).changes > 0;
  }

  addMember(member: ValueOf<'addMember'>): Addition {
    const { conversationId, userId, role, visibleFromSeq, readSeq = 0, atMs } = member;
    const row = this.#statements.size.get(conversationId);
    if (row === null) return 'no_conversation';
    const userNo = this.#numbers.giveUser(userId);
    if (this.#statements.role.get(row.no, userNo) !== null) return 'exists';
    if (member.memberCountMax !== undefined && row.member_count >= member.memberCountMax) return 'conversation_full';
    if (this.#isUserFull({ userId, userNo }, member.conversationsPerUserMax)) return 'user_full';
    const standing = row.last_standing + 1;
    const columns = roleColumns(role);
    this.#statements.addMember.run(row.no, userNo, ...columns, standing, visibleFromSeq, readSeq, readSeq, atMs);
    this.#statements.countMembers.run(1, standing, row.no);
    return 'added';
  }

  removeMember({ conversationId, userId, atMs }: ValueOf<'removeMember'>): Removal {
    const place = this.#place(conversationId, userId);
    const removed = place && this.#statements.removeMember.get(place.conversationNo, place.userNo);
    if (!removed) return { wasMember: false };
    this.#statements.removeReceipts.run(place.conversationNo, place.userNo);
    this.#statements.countMembers.run(-1, 0, place.conversationNo);
    const newOwner = removed.is_owner === 1 ? this.#handOver(place.conversationNo, atMs) : undefined;
    return newOwner === undefined ? { wasMember: true } : { wasMember: true, newOwner };
  }

  setRole({ conversationId, userId, role, atMs, handedOverBy }: ValueOf<'setRole'>): boolean {
    const isMember = this.#setRole({ conversationId, userId, role, atMs });
    if (isMember && handedOverBy !== undefined)
      this.#setRole({ conversationId, userId: handedOverBy, role: 'admin', atMs });
    return isMember;
  }

  /** The words of the former title are found by splitting it again, because no index leads from a conversation to its words. */
  #moveWords(conversationId: ConversationId, title: string): void {
    const row = this.#statements.titled.get(conversationId);
    if (row === null || row.title === title) return;
    for (const word of searchKeys(row.title)) this.#statements.removeWord.run(word, row.no);
    for (const word of searchKeys(title)) this.#statements.addWord.run(word, row.no);
  }

  #setRole({ conversationId, userId, role, atMs }: ValueOf<'setRole'>): boolean {
    const place = this.#place(conversationId, userId);
    if (place === undefined) return false;
    const { conversationNo, userNo } = place;
    return this.#statements.setRole.run(...roleColumns(role), atMs, conversationNo, userNo).changes > 0;
  }

  /** Makes the most senior member the owner of a conversation that has members but no owner. */
  #handOver(conversationNo: number, atMs: number): UserId | undefined {
    const heir = this.#statements.heir.get(conversationNo, conversationNo, conversationNo);
    if (heir === null) return undefined;
    this.#statements.setRole.run(...roleColumns('owner'), atMs, conversationNo, heir.user_no);
    return heir.id;
  }

  #place(conversationId: ConversationId, userId: UserId): { conversationNo: number; userNo: number } | undefined {
    const conversationNo = this.#numbers.ofConversation(conversationId);
    const userNo = this.#numbers.ofUser(userId);
    return conversationNo === undefined || userNo === undefined ? undefined : { conversationNo, userNo };
  }

  /** Reads at most `max` memberships of the user. */
  #isUserFull({ userId, userNo }: Omit<MemberToAdd, 'role'>, max: number | undefined): boolean {
    if (max === undefined || isSystemUser(userId)) return false;
    return max <= 0 || this.#statements.nthMembership.get(userNo, max - 1) !== null;
  }
}

interface MemberToAdd {
  readonly userId: UserId;
  readonly userNo: number;
  readonly role: MemberRole;
}

/** Each user once, with the first role, compared without regard to case. */
function firstRoles({ members }: ValueOf<'createConversation'>, numbers: Numbers): readonly MemberToAdd[] {
  const byNo = new Map<number, MemberToAdd>();
  for (const { userId, role } of members) {
    const userNo = numbers.giveUser(userId);
    if (!byNo.has(userNo)) byNo.set(userNo, { userId, userNo, role });
  }
  return [...byNo.values()];
}

/** is_owner, is_admin. */
const roleColumns = (role: MemberRole): readonly [number, number] => [
  role === 'owner' ? 1 : 0,
  role === 'admin' ? 1 : 0,
];

function prepare(db: Database) {
  return {
    create: db.prepare<
      { no: number },
      [string, string, string, number, number, string, string, string, number, number]
    >(
      `INSERT INTO conversation(id, kind, title, created_at, is_history_visible, who_posts, who_adds, who_mentions_all,
         member_count, last_standing) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING no`,
    ),
    size: db.prepare<{ no: number; member_count: number; last_standing: number }, [string]>(
      'SELECT no, member_count, last_standing FROM conversation WHERE id = ?',
    ),
    update: db.prepare<unknown, [string | null, number | null, string | null, string | null, string | null, string]>(
      `UPDATE conversation SET title = coalesce(?, title), is_history_visible = coalesce(?, is_history_visible),
         who_posts = coalesce(?, who_posts), who_adds = coalesce(?, who_adds),
         who_mentions_all = coalesce(?, who_mentions_all) WHERE id = ?`,
    ),
    titled: db.prepare<{ no: number; title: string }, [string]>('SELECT no, title FROM conversation WHERE id = ?'),
    addWord: db.prepare<unknown, [string, number]>('INSERT INTO conversation_word(word, conversation_no) VALUES(?, ?)'),
    removeWord: db.prepare<unknown, [string, number]>(
      'DELETE FROM conversation_word WHERE word = ? AND conversation_no = ?',
    ),
    countMembers: db.prepare<unknown, [number, number, number]>(
      'UPDATE conversation SET member_count = member_count + ?, last_standing = max(last_standing, ?) WHERE no = ?',
    ),
    addMember: db.prepare<unknown, [number, number, number, number, number, number, number, number, number]>(
      `INSERT INTO member(conversation_no, user_no, is_owner, is_admin, standing, visible_from, delivered_seq, read_seq, updated_at)
       VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    role: db.prepare<{ is_owner: number }, [number, number]>(
      'SELECT is_owner FROM member WHERE conversation_no = ? AND user_no = ?',
    ),
    nthMembership: db.prepare<{ conversation_no: number }, [number, number]>(
      'SELECT conversation_no FROM member INDEXED BY member_by_user WHERE user_no = ? LIMIT 1 OFFSET ?',
    ),
    removeMember: db.prepare<{ is_owner: number }, [number, number]>(
      'DELETE FROM member WHERE conversation_no = ? AND user_no = ? RETURNING is_owner',
    ),
    removeReceipts: db.prepare<unknown, [number, number]>(
      'DELETE FROM receipt WHERE conversation_no = ? AND device_no IN (SELECT no FROM device_number WHERE user_no = ?)',
    ),
    heir: db.prepare<{ user_no: number; id: UserId }, [number, number, number]>(
      `SELECT m.user_no, u.id FROM member m JOIN user u ON u.no = m.user_no
       WHERE m.conversation_no = ?
         AND NOT EXISTS (SELECT 1 FROM member WHERE conversation_no = ? AND is_owner = 1)
         AND (SELECT kind FROM conversation WHERE no = ?) <> 'direct'
       ORDER BY m.is_admin DESC, m.standing LIMIT 1`,
    ),
    setRole: db.prepare<unknown, [number, number, number, number, number]>(
      `UPDATE member SET is_owner = ?, is_admin = ?, updated_at = max(updated_at, ?) WHERE conversation_no = ? AND user_no = ?`,
    ),
  };
}
