// The embedded directory: SQLite. Writes share one fsync per batch on a thread of their own; reads see what is committed.

import type { Database } from 'bun:sqlite';
import type { Log } from '@hongyan/base/log';
import type { ConversationKind, MemberRole } from '@hongyan/protocol/entry';
import type { ConversationId, DeviceId, Seq, UserId } from '@hongyan/protocol/ids';
import { GroupCommit } from '../../adapters/sqlite/group-commit.ts';
import { openReader } from '../../adapters/sqlite/open.ts';
import type { ConversationRecord, Directory, MemberRecord, ReceiptResult, UserRecord } from './directory.ts';
import type { DirectoryOp, DirectoryResult } from './directory-store.ts';

export interface SqliteDirectoryOptions {
  readonly path: string;
  readonly log: Log;
  /** Writes that would let the file grow beyond it reject. */
  readonly maxBytes?: number | undefined;
  readonly queueMax: number;
  readonly batchMax: number;
  /** Nothing can be written any more; reads go on. */
  readonly onDeath?: () => void;
}

export async function openSqliteDirectory(options: SqliteDirectoryOptions): Promise<Directory> {
  const { path, log, maxBytes, queueMax, batchMax } = options;
  const writer = new GroupCommit<DirectoryOp, DirectoryResult>({
    worker: new URL('./directory.worker.ts', import.meta.url),
    init: { path, ...(maxBytes === undefined ? {} : { maxBytes }) },
    queueMax,
    batchMax,
    onFatal(error) {
      log.error('directory writer died', { error });
      options.onDeath?.();
    },
  });
  await writer.ready();
  const db = openReader(path);
  const write = async (op: DirectoryOp): Promise<boolean> => (await writer.submit(op)) === true;
  return {
    ...reads(db),
    createUser: (value) => write({ type: 'createUser', value }),
    touchDevice: async (value) => void (await write({ type: 'touchDevice', value })),
    createConversation: (value) => write({ type: 'createConversation', value }),
    setTitle: (value) => write({ type: 'setTitle', value }),
    addMember: (value) => write({ type: 'addMember', value }),
    removeMember: (value) => write({ type: 'removeMember', value }),
    advanceReceipts: async (batch) =>
      (await writer.submitAll(batch.map((value) => ({ type: 'advanceReceipt', value })))) as readonly ReceiptResult[],
    async close() {
      await writer.close();
      db.close();
    },
  };
}

/** The reading half alone, without a writer thread: for a process beside the server, which must not change a thing. */
export function openSqliteDirectoryReader(path: string): DirectoryReader {
  const db = openReader(path);
  return { ...reads(db), close: async () => db.close() };
}

interface UserRow {
  id: UserId;
  display_name: string;
  created_at: number;
}
interface ConversationRow {
  conversation_id: ConversationId;
  kind: ConversationKind;
  title: string;
  created_at: number;
  member_count: number;
}
interface MemberRow {
  conversation_id: ConversationId;
  user_id: UserId;
  role: MemberRole;
  visible_from: Seq;
  delivered_seq: Seq;
  read_seq: Seq;
  updated_at: number;
}

const conversationColumns = 'c.id AS conversation_id, c.kind, c.title, c.created_at, c.member_count';
const memberColumns =
  'c.id AS conversation_id, m.user_id, m.role, m.visible_from, m.delivered_seq, m.read_seq, m.updated_at';
const memberTables = 'conversation c JOIN member m ON m.conversation_no = c.no';

export type DirectoryReader = Omit<
  Directory,
  'createUser' | 'touchDevice' | 'createConversation' | 'setTitle' | 'addMember' | 'removeMember' | 'advanceReceipts'
>;

function reads(db: Database): Omit<DirectoryReader, 'close'> {
  const sql = {
    user: db.prepare<UserRow, [string]>('SELECT id, display_name, created_at FROM user WHERE id = ?'),
    hash: db.prepare<{ password_hash: string }, [string]>('SELECT password_hash FROM user WHERE id = ?'),
    // Each along an index in its own order, so that it ends at the limit: sorted otherwise, every match would be read.
    byId: db.prepare<UserRow, [string, number]>(
      `SELECT id, display_name, created_at FROM user WHERE id LIKE ? ESCAPE '\\' ORDER BY id COLLATE NOCASE LIMIT ?`,
    ),
    byName: db.prepare<UserRow, [string, number]>(
      `SELECT id, display_name, created_at FROM user WHERE display_name LIKE ? ESCAPE '\\'
       ORDER BY display_name COLLATE NOCASE LIMIT ?`,
    ),
    devices: db.prepare<{ id: DeviceId; last_seen: number }, [string]>(
      'SELECT id, last_seen FROM device WHERE user_id = ? ORDER BY last_seen DESC, id LIMIT 100',
    ),
    conversation: db.prepare<ConversationRow, [string]>(
      `SELECT ${conversationColumns} FROM conversation c WHERE c.id = ?`,
    ),
    member: db.prepare<MemberRow, [string, string]>(
      `SELECT ${memberColumns} FROM ${memberTables} WHERE c.id = ? AND m.user_id = ?`,
    ),
    members: db.prepare<MemberRow, [string, string, number]>(
      `SELECT ${memberColumns} FROM ${memberTables} WHERE c.id = ? AND m.user_id > ? ORDER BY m.user_id LIMIT ?`,
    ),
    memberships: db.prepare<MemberRow & ConversationRow, [string]>(
      `SELECT ${memberColumns}, c.kind, c.title, c.created_at, c.member_count
       FROM member m JOIN conversation c ON c.no = m.conversation_no WHERE m.user_id = ?`,
    ),
    deviceReceipts: db.prepare<{ device_id: DeviceId; delivered_seq: Seq; read_seq: Seq }, [string, string]>(
      `SELECT d.id AS device_id, r.delivered_seq, r.read_seq FROM device d
       JOIN receipt r ON r.device_no = d.no WHERE d.user_id = ? AND r.conversation_no = (SELECT no FROM conversation WHERE id = ?)`,
    ),
    receiptsOfDevice: db.prepare<
      { conversation_id: ConversationId; delivered_seq: Seq; read_seq: Seq },
      [string, string]
    >(
      `SELECT c.id AS conversation_id, r.delivered_seq, r.read_seq FROM device d
       JOIN receipt r ON r.device_no = d.no JOIN conversation c ON c.no = r.conversation_no WHERE d.user_id = ? AND d.id = ?`,
    ),
    count: db.prepare<{ delivered: number; read: number }, [number, number, string, string]>(
      `SELECT total(m.delivered_seq >= ?) AS delivered, total(m.read_seq >= ?) AS read
       FROM ${memberTables} WHERE c.id = ? AND m.user_id <> ?`,
    ),
  };
  return {
    getUser: async (userId) => optional(sql.user.get(userId), toUser),
    getUsers: async (userIds) => userIds.flatMap((userId) => optional(sql.user.get(userId), toUser) ?? []),
    getPasswordHash: async (userId) => sql.hash.get(userId)?.password_hash,
    async searchUsers({ query, limit }) {
      const pattern = `${query.replace(/[\\%_]/g, '\\$&')}%`;
      const found = [...sql.byId.all(pattern, limit), ...sql.byName.all(pattern, limit)];
      const once = new Map(found.map((row) => [row.id, row]));
      return [...once.values()].slice(0, limit).map(toUser);
    },
    devices: async (userId) =>
      sql.devices.all(userId).map(({ id, last_seen }) => ({ deviceId: id, lastSeenMs: last_seen })),
    getConversation: async (conversationId) => optional(sql.conversation.get(conversationId), toConversation),
    getMember: async ({ conversationId, userId }) => optional(sql.member.get(conversationId, userId), toMember),
    members: async ({ conversationId, after, limit }) =>
      sql.members.all(conversationId, after ?? '', limit).map(toMember),
    memberships: async (userId) =>
      sql.memberships.all(userId).map((row) => ({ member: toMember(row), conversation: toConversation(row) })),
    deviceReceipts: async ({ conversationId, userId }) =>
      sql.deviceReceipts.all(userId, conversationId).map((row) => toDeviceReceipt(userId, row)),
    async receiptsOfDevice({ userId, deviceId }) {
      const rows = sql.receiptsOfDevice.all(userId, deviceId);
      return new Map(
        rows.map((row) => [row.conversation_id, toDeviceReceipt(userId, { ...row, device_id: deviceId })]),
      );
    },
    async countReceipts({ conversationId, seq, except }) {
      const row = sql.count.get(seq, seq, conversationId, except);
      return { delivered: row?.delivered ?? 0, read: row?.read ?? 0 };
    },
  };
}

const optional = <Row, Value>(row: Row | null, convert: (row: Row) => Value): Value | undefined =>
  row === null ? undefined : convert(row);

const toUser = (row: UserRow): UserRecord => ({
  userId: row.id,
  displayName: row.display_name,
  createdAtMs: row.created_at,
});

const toConversation = (row: ConversationRow): ConversationRecord => ({
  conversationId: row.conversation_id,
  kind: row.kind,
  title: row.title,
  createdAtMs: row.created_at,
  memberCount: row.member_count,
});

const toMember = (row: MemberRow): MemberRecord => ({
  conversationId: row.conversation_id,
  userId: row.user_id,
  role: row.role,
  visibleFromSeq: row.visible_from,
  deliveredSeq: row.delivered_seq,
  readSeq: row.read_seq,
  updatedAtMs: row.updated_at,
});

const toDeviceReceipt = (userId: UserId, row: { device_id: DeviceId; delivered_seq: Seq; read_seq: Seq }) => ({
  userId,
  deviceId: row.device_id,
  deliveredSeq: row.delivered_seq,
  readSeq: row.read_seq,
});
