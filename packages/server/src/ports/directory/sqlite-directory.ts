// The embedded directory, in SQLite. A writer thread commits the writes in batches. Reads see committed writes.

import type { Database } from 'bun:sqlite';
import type { Log } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import { GroupCommit } from '../../adapters/sqlite/group-commit.ts';
import { openReader } from '../../adapters/sqlite/open.ts';
import { readFailureOf } from '../../adapters/sqlite/read-failure.ts';
import type { StoreMeter } from '../../metrics/store-meter.ts';
import type { ProfiledThreads } from '../../profiles/profiled-threads.ts';
import type { MemberKey } from './conversations.ts';
import type { Directory, DirectoryReader, SoleDirectory } from './directory.ts';
import { ConversationReads } from './sqlite/conversation-reads.ts';
import type { DirectoryInit } from './sqlite/directory.worker.ts';
import type { DirectoryOp, DirectoryResult, ResultOf, SoleWrite, ValueOf } from './sqlite/ops.ts';
import { PrivateReads } from './sqlite/private-rows.ts';
import { ReceiptReads } from './sqlite/receipt-reads.ts';
import { assertLayout } from './sqlite/schema.ts';
import { UserReads } from './sqlite/user-reads.ts';

export interface SqliteDirectoryOptions {
  readonly path: string;
  readonly log: Log;
  /** The maximum size of the file. Writes beyond it reject. */
  readonly maxBytes?: number | undefined;
  /** The maximum number of waiting and committing calls. Further writes reject. A batch of receipts is one call. */
  readonly queueMax: number;
  /** The maximum number of calls per transaction. */
  readonly batchMax: number;
  /** The threads that the profiler can sample. */
  readonly threads?: ProfiledThreads | undefined;
  /** Called when the writer thread died: all later writes reject, while reads continue. */
  readonly onDeath?: () => void;
  readonly meter?: StoreMeter | undefined;
}

export async function openSqliteDirectory(options: SqliteDirectoryOptions): Promise<SoleDirectory> {
  const { path, log, maxBytes, queueMax, batchMax, meter } = options;
  const init: DirectoryInit = { path, maxBytes };
  const writer = new GroupCommit<DirectoryOp, DirectoryResult>({
    worker: new URL('./sqlite/directory.worker.ts', import.meta.url),
    init,
    threads: options.threads,
    queueMax,
    batchMax,
    meter,
    onFatal(error) {
      log.error('directory writer died', { error });
      options.onDeath?.();
    },
  });
  await writer.ready();
  return new SqliteDirectory(openReader(path), writer);
}

/** Opens the reads only, without a writer thread, for a process that runs beside the server. Throws for a file of another layout. */
export function openSqliteDirectoryReader(path: string): DirectoryReader {
  const db = openReader(path);
  try {
    assertLayout(db);
    return new SqliteDirectoryReader(db);
  } catch (error) {
    db.close();
    throw error;
  }
}

type Request<Method extends keyof Directory> = Parameters<Directory[Method]>[0];

class SqliteDirectoryReader implements DirectoryReader {
  readonly #db: Database;
  readonly #users: UserReads;
  readonly #conversations: ConversationReads;
  readonly #receipts: ReceiptReads;
  readonly #privates: PrivateReads;
  #isClosed = false;

  constructor(db: Database) {
    this.#db = db;
    this.#users = new UserReads(db);
    this.#conversations = new ConversationReads(db);
    this.#receipts = new ReceiptReads(db);
    this.#privates = new PrivateReads(db);
  }

  getUsers(userIds: readonly UserId[]) {
    return this.#read(() => this.#users.users(userIds));
  }

  getPasswordHash(userId: UserId) {
    return this.#read(() => this.#users.passwordHash(userId));
  }

  getTier(userId: UserId) {
    return this.#read(() => this.#users.tier(userId));
  }

  searchUsers(request: Request<'searchUsers'>) {
    return this.#read(() => this.#users.search(request));
  }

  listUsers(request: Request<'listUsers'>) {
    return this.#read(() => this.#users.list(request));
  }

  getConversations(conversationIds: readonly ConversationId[]) {
    return this.#read(() => this.#conversations.conversations(conversationIds));
  }

  getMembers(keys: readonly MemberKey[]) {
    return this.#read(() => this.#conversations.getMembers(keys));
  }

  members(request: Request<'members'>) {
    return this.#read(() => this.#conversations.members(request));
  }

  membersOfMany(request: Request<'membersOfMany'>) {
    return this.#read(() => this.#conversations.membersOfMany(request));
  }

  memberships(request: Request<'memberships'>) {
    return this.#read(() => this.#conversations.memberships(request));
  }

  countMemberships(userId: UserId) {
    return this.#read(() => this.#conversations.countMemberships(userId));
  }

  listConversations(request: Request<'listConversations'>) {
    return this.#read(() => this.#conversations.list(request));
  }

  searchConversations(request: Request<'searchConversations'>) {
    return this.#read(() => this.#conversations.search(request));
  }

  deviceReceipts(request: Request<'deviceReceipts'>) {
    return this.#read(() => this.#receipts.ofDevices(request));
  }

  receiptsOfDevice(request: Request<'receiptsOfDevice'>) {
    return this.#read(() => this.#receipts.ofDevice(request));
  }

  countReceipts(request: Request<'countReceipts'>) {
    return this.#read(() => this.#receipts.count(request));
  }

  sentThrough() {
    return this.#read(() => this.#receipts.sentThrough());
  }

  privateTotals(userId: UserId) {
    return this.#read(() => this.#privates.totals(userId));
  }

  privateRows(request: Request<'privateRows'>) {
    return this.#read(() => this.#privates.rows(request));
  }

  privatePage(request: Request<'privatePage'>) {
    return this.#read(() => this.#privates.page(request));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#db.close();
  }

  /** Resolves with the result of `query`. A disk that cannot be read rejects with StoreFailure; any other throw is a bug. */
  async #read<T>(query: () => T): Promise<T> {
    // Prepared statements of a closed connection work until they are garbage collected, so this is checked here.
    if (this.#isClosed) throw new StoreFailure('unavailable', 'the directory is closed');
    try {
      return query();
    } catch (error) {
      throw readFailureOf(error);
    }
  }
}

class SqliteDirectory extends SqliteDirectoryReader implements SoleDirectory {
  readonly #writer: GroupCommit<DirectoryOp, DirectoryResult>;

  constructor(db: Database, writer: GroupCommit<DirectoryOp, DirectoryResult>) {
    super(db);
    this.#writer = writer;
  }

  createUser(value: ValueOf<'createUser'>) {
    return this.#write('createUser', value);
  }

  updateUser(value: ValueOf<'updateUser'>) {
    return this.#write('updateUser', value);
  }

  setPasswordHash(value: ValueOf<'setPasswordHash'>) {
    return this.#write('setPasswordHash', value);
  }

  setTier(value: ValueOf<'setTier'>) {
    return this.#write('setTier', value);
  }

  createConversation(value: ValueOf<'createConversation'>) {
    return this.#write('createConversation', value);
  }

  updateConversation(value: ValueOf<'updateConversation'>) {
    return this.#write('updateConversation', value);
  }

  addMember(value: ValueOf<'addMember'>) {
    return this.#write('addMember', value);
  }

  removeMember(value: ValueOf<'removeMember'>) {
    return this.#write('removeMember', value);
  }

  setRole(value: ValueOf<'setRole'>) {
    return this.#write('setRole', value);
  }

  async advanceReceipts(batch: ValueOf<'advanceReceipts'>): Promise<ResultOf<'advanceReceipts'>> {
    return batch.length === 0 ? [] : this.#write('advanceReceipts', batch);
  }

  async advanceSent(batch: ValueOf<'advanceSent'>): Promise<void> {
    if (batch.length > 0) await this.#write('advanceSent', batch);
  }

  moveSentThrough(position: ValueOf<'moveSentThrough'>) {
    return this.#write('moveSentThrough', position);
  }

  async forgetReceipts(devices: ValueOf<'forgetReceipts'>): Promise<void> {
    if (devices.length > 0) await this.#write('forgetReceipts', devices);
  }

  putPrivate(value: ValueOf<'putPrivate'>) {
    return this.#write('putPrivate', value);
  }

  override async close(): Promise<void> {
    await this.#writer.drain();
    // The reading connection closes first, because the thread then closes the file that it cleared of removed rows (PageFile.close).
    await super.close();
    await this.#writer.close();
  }

  /** The store answers each op with a result of the same type. */
  #write<W extends SoleWrite>(type: W, value: ValueOf<W>): Promise<ResultOf<W>> {
    return this.#writer.submit({ type, value } as DirectoryOp) as Promise<ResultOf<W>>;
  }
}
