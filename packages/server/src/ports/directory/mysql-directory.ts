// The directory of a cluster, on the MySQL protocol. It caches nothing, so that every core sees at once what another core wrote.

import type { Clock } from '@hongyan/base/clock';
import type { Random } from '@hongyan/base/random';
import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import { migrateDatabase } from '../../adapters/mysql/migrate.ts';
import type { MysqlOptions } from '../../adapters/mysql/options.ts';
import { MysqlPool } from '../../adapters/mysql/pool.ts';
import type { Fence } from '../../domain/fence.ts';
import type { MemberKey } from './conversations.ts';
import type { SharedDirectory } from './directory.ts';
import { ConversationReads } from './mysql/conversation-reads.ts';
import { ConversationWrites } from './mysql/conversation-writes.ts';
import { FencedWrites } from './mysql/fenced-writes.ts';
import { PrivateRows } from './mysql/private-rows.ts';
import { ReceiptRows } from './mysql/receipt-rows.ts';
import { directoryLayout } from './mysql/schema.ts';
import { UserRows } from './mysql/user-rows.ts';
import type { Users } from './users.ts';

type Request<Method extends keyof SharedDirectory> = Parameters<SharedDirectory[Method]>[0];

export interface MysqlDirectoryEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  /** Wraps the users port, for example with a cache: CachedUsers. Default: no wrapper. */
  readonly nearer?: (users: Users) => Promise<Users>;
}

/** Connects and migrates the tables. The database MUST NOT be shared with another store. */
export async function openMysqlDirectory(
  options: MysqlOptions,
  environment: MysqlDirectoryEnvironment,
): Promise<SharedDirectory> {
  const pool = await MysqlPool.open(options, environment);
  try {
    await migrateDatabase(pool, directoryLayout);
    const users = new UserRows(pool);
    return new MysqlDirectory(pool, (await environment.nearer?.(users)) ?? users);
  } catch (error) {
    await pool.close();
    throw error;
  }
}

class MysqlDirectory implements SharedDirectory {
  readonly #pool: MysqlPool;
  readonly #writes: FencedWrites;
  readonly #users: Users;
  readonly #conversationReads: ConversationReads;
  readonly #conversationWrites: ConversationWrites;
  readonly #receipts: ReceiptRows;
  readonly #privates: PrivateRows;

  constructor(pool: MysqlPool, users: Users) {
    this.#pool = pool;
    this.#writes = new FencedWrites(pool);
    this.#users = users;
    this.#conversationReads = new ConversationReads(pool);
    this.#conversationWrites = new ConversationWrites(this.#writes);
    this.#receipts = new ReceiptRows(pool);
    this.#privates = new PrivateRows(pool, this.#writes);
  }

  createUser(user: Request<'createUser'>) {
    return this.#users.createUser(user);
  }

  getUsers(userIds: readonly UserId[]) {
    return this.#users.getUsers(userIds);
  }

  updateUser(change: Request<'updateUser'>) {
    return this.#users.updateUser(change);
  }

  getPasswordHash(userId: UserId) {
    return this.#users.getPasswordHash(userId);
  }

  setPasswordHash(change: Request<'setPasswordHash'>) {
    return this.#users.setPasswordHash(change);
  }

  getTier(userId: UserId) {
    return this.#users.getTier(userId);
  }

  setTier(change: Request<'setTier'>) {
    return this.#users.setTier(change);
  }

  searchUsers(request: Request<'searchUsers'>) {
    return this.#users.searchUsers(request);
  }

  listUsers(request: Request<'listUsers'>) {
    return this.#users.listUsers(request);
  }

  createConversation(conversation: Request<'createConversation'>) {
    return this.#conversationWrites.create(conversation);
  }

  getConversations(conversationIds: readonly ConversationId[]) {
    return this.#conversationReads.conversations(conversationIds);
  }

  updateConversation(update: Request<'updateConversation'>) {
    return this.#conversationWrites.update(update);
  }

  getMembers(keys: readonly MemberKey[]) {
    return this.#conversationReads.getMembers(keys);
  }

  addMember(member: Request<'addMember'>) {
    return this.#conversationWrites.add(member);
  }

  removeMember(request: Request<'removeMember'>) {
    return this.#conversationWrites.remove(request);
  }

  setRole(change: Request<'setRole'>) {
    return this.#conversationWrites.setRole(change);
  }

  members(request: Request<'members'>) {
    return this.#conversationReads.members(request);
  }

  membersOfMany(request: Request<'membersOfMany'>) {
    return this.#conversationReads.membersOfMany(request);
  }

  memberships(request: Request<'memberships'>) {
    return this.#conversationReads.memberships(request);
  }

  countMemberships(userId: UserId) {
    return this.#conversationReads.countMemberships(userId);
  }

  listConversations(request: Request<'listConversations'>) {
    return this.#conversationReads.list(request);
  }

  searchConversations(request: Request<'searchConversations'>) {
    return this.#conversationReads.search(request);
  }

  advanceReceipts(batch: Request<'advanceReceipts'>) {
    return this.#receipts.advance(batch);
  }

  advanceSent(batch: Request<'advanceSent'>) {
    return this.#receipts.advanceSent(batch);
  }

  forgetReceipts(devices: Request<'forgetReceipts'>) {
    return this.#receipts.forget(devices);
  }

  deviceReceipts(request: Request<'deviceReceipts'>) {
    return this.#receipts.ofDevices(request);
  }

  receiptsOfDevice(request: Request<'receiptsOfDevice'>) {
    return this.#receipts.ofDevice(request);
  }

  countReceipts(request: Request<'countReceipts'>) {
    return this.#receipts.count(request);
  }

  privateTotals(userId: UserId) {
    return this.#privates.totals(userId);
  }

  privateRows(request: Request<'privateRows'>) {
    return this.#privates.rows(request);
  }

  privatePage(request: Request<'privatePage'>) {
    return this.#privates.page(request);
  }

  putPrivate(update: Request<'putPrivate'>) {
    return this.#privates.put(update);
  }

  claim(fence: Fence) {
    return this.#writes.claim(fence);
  }

  close() {
    return this.#pool.close();
  }
}
