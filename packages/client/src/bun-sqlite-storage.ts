// A storage in a SQLite file, for programs that run on Bun: a module of its own, since browsers have no bun:sqlite.

import { Database } from 'bun:sqlite';
import { closeSync, openSync } from 'node:fs';
import type { UserId } from '@hongyan/protocol/ids';
import type { ClientMessage } from './api.ts';
import type {
  ClientStorage,
  ConversationWrite,
  KeptRange,
  OutboxItem,
  StoredConversation,
  StoredMeta,
} from './client-storage.ts';
import { checkOwner, isOwnedBy } from './storage-owner.ts';

/** What a file of another version holds is discarded and loaded anew from the server. */
const version = 1;
const tables = ['meta', 'outbox', 'conversation', 'message'] as const;
const metaKey = 'meta';

/**
 * One file for one device of one user; it is made when it is not there, for its owner alone.
 * `messageBytesMax` as in ClientStorage; default 50 MB. Throws SQLite's error when the file cannot be opened, rejections carry it too; and throws for a database of another program.
 * What is deleted or replaced is overwritten with zeros (secure_delete). `close` when the client is closed.
 */
export function createBunSqliteStorage(
  path: string,
  { messageBytesMax = 5e7 } = {},
): ClientStorage & { close(): void } {
  const db = openDatabase(path);
  const sql = prepare(db);
  const load = db.transaction(() => ({
    meta: readMeta(),
    outbox: sql.outbox.all().map(parsed<OutboxItem>),
    conversations: sql.conversations.all().map(parsed<StoredConversation>),
  }));
  const messages = db.transaction(({ conversationId, fromSeq, throughSeq }: KeptRange, owner?: UserId) => {
    checkOwner(readMeta(), owner);
    return sql.messages.all(conversationId, fromSeq, throughSeq).map(parsed<ClientMessage>);
  });
  const write = db.transaction((owner: UserId | undefined, change: () => void) => {
    checkOwner(readMeta(), owner);
    change();
  });
  const readMeta = (): StoredMeta => {
    const row = sql.meta.get(metaKey);
    return row ? parsed<StoredMeta>(row) : {};
  };
  const putConversation = ({ conversationId, state, messages = [], deleteBeforeSeq = 0 }: ConversationWrite) => {
    sql.putConversation.run(conversationId, JSON.stringify({ conversationId, state }));
    if (deleteBeforeSeq > 0) sql.deleteMessages.run(conversationId, deleteBeforeSeq);
    for (const message of messages) sql.putMessage.run(conversationId, message.seq ?? 0, JSON.stringify(message));
  };
  const clear = db.transaction((owner?: UserId) => {
    const { deviceId, userId } = readMeta();
    if (!isOwnedBy({ userId }, owner)) return;
    for (const table of tables) db.run(`DELETE FROM ${table}`);
    if (deviceId !== undefined) sql.putMeta.run(metaKey, JSON.stringify({ deviceId }));
  });
  return {
    messageBytesMax,
    load: async () => load(),
    saveMeta: async (fields, owner) =>
      write.immediate(owner, () => sql.putMeta.run(metaKey, JSON.stringify({ ...readMeta(), ...fields }))),
    putOutbox: async (item, owner) =>
      write.immediate(owner, () => sql.putOutbox.run(item.message.clientMsgId, JSON.stringify(item))),
    deleteOutbox: async (clientMsgId, owner) => write.immediate(owner, () => sql.deleteOutbox.run(clientMsgId)),
    putConversations: async (changed, owner) =>
      write.immediate(owner, () => {
        for (const conversation of changed) putConversation(conversation);
      }),
    messages: async (range, owner) => messages(range, owner),
    deleteConversation: async (id, owner) =>
      write.immediate(owner, () => {
        sql.deleteConversation.run(id);
        sql.deleteMessages.run(id, Number.MAX_SAFE_INTEGER);
      }),
    clear: async (owner) => clear.immediate(owner),
    close: () => db.close(),
  };
}

interface Row {
  readonly value: string;
}

const parsed = <T>({ value }: Row): T => JSON.parse(value) as T;

function openDatabase(path: string): Database {
  closeSync(openSync(path, 'a', 0o600));
  const db = new Database(path, { strict: true });
  if (!isOwn(db)) {
    db.close();
    throw new Error(`${path} is a database of another program: name a file of its own`);
  }
  // A write that resolved survives a loss of power. Another program that has the file open is waited for.
  db.run('PRAGMA busy_timeout = 2000');
  // No log that would hold what was deleted: the journal is cut at the end of each write.
  db.run('PRAGMA journal_mode = TRUNCATE');
  db.run('PRAGMA synchronous = FULL');
  db.run('PRAGMA secure_delete = ON');
  const found = db.query<{ user_version: number }, []>('PRAGMA user_version').get()?.user_version;
  if (found === version) return db;
  const create = db.transaction(() => {
    for (const table of tables) db.run(`DROP TABLE IF EXISTS ${table}`);
    for (const table of ['meta', 'outbox', 'conversation']) {
      db.run(`CREATE TABLE ${table} (id TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT`);
    }
    db.run(`CREATE TABLE message (conversation_id TEXT NOT NULL, seq INTEGER NOT NULL, value TEXT NOT NULL,
      PRIMARY KEY (conversation_id, seq)) WITHOUT ROWID, STRICT`);
    db.run(`PRAGMA user_version = ${version}`);
  });
  create.immediate();
  return db;
}

/** Whether it is empty, or has these tables alone: what another program keeps is not dropped. */
function isOwn(db: Database): boolean {
  const found = db.query<{ name: string }, []>("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  return (
    found.length === 0 ||
    found
      .map(({ name }) => name)
      .toSorted()
      .join() === tables.toSorted().join()
  );
}

function prepare(db: Database) {
  const put = (table: string) =>
    db.prepare<never, [string, string]>(
      `INSERT INTO ${table} (id, value) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET value = excluded.value`,
    );
  const remove = (table: string) => db.prepare<never, [string]>(`DELETE FROM ${table} WHERE id = ?1`);
  return {
    meta: db.prepare<Row, [string]>('SELECT value FROM meta WHERE id = ?1'),
    outbox: db.prepare<Row, []>('SELECT value FROM outbox'),
    conversations: db.prepare<Row, []>('SELECT value FROM conversation'),
    messages: db.prepare<Row, [string, number, number]>(
      'SELECT value FROM message WHERE conversation_id = ?1 AND seq BETWEEN ?2 AND ?3 ORDER BY seq',
    ),
    putMeta: put('meta'),
    putOutbox: put('outbox'),
    putConversation: put('conversation'),
    putMessage: db.prepare<never, [string, number, string]>(
      `INSERT INTO message (conversation_id, seq, value) VALUES (?1, ?2, ?3)
       ON CONFLICT (conversation_id, seq) DO UPDATE SET value = excluded.value`,
    ),
    deleteOutbox: remove('outbox'),
    deleteConversation: remove('conversation'),
    deleteMessages: db.prepare<never, [string, number]>('DELETE FROM message WHERE conversation_id = ?1 AND seq < ?2'),
  };
}
