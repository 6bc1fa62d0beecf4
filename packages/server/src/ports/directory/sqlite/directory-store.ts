// The writing side of the SQLite directory: applies each write within the transaction of its batch.

import type { Database } from 'bun:sqlite';
import { unreachable } from '@hongyan/base/assert';
import { FileStore } from '../../../adapters/sqlite/file-store.ts';
import { RemovedRows } from '../../../adapters/sqlite/removed-rows.ts';
import { ConversationWrites } from './conversation-writes.ts';
import { Numbers } from './numbers.ts';
import { type DirectoryOp, type DirectoryResult, isDurable } from './ops.ts';
import { PrivateWrites } from './private-rows.ts';
import { ReceiptWrites } from './receipt-writes.ts';
import { UserWrites } from './user-writes.ts';

export class DirectoryStore extends FileStore<DirectoryOp, DirectoryResult> {
  readonly #numbers: Numbers;
  readonly #users: UserWrites;
  readonly #conversations: ConversationWrites;
  readonly #receipts: ReceiptWrites;
  readonly #privates: PrivateWrites;
  readonly #removed: RemovedRows;

  constructor(db: Database) {
    super(db, isDurable);
    this.#removed = new RemovedRows(db);
    this.#numbers = new Numbers(db);
    this.#users = new UserWrites(db);
    this.#conversations = new ConversationWrites(db, this.#numbers);
    this.#receipts = new ReceiptWrites(db, this.#numbers);
    this.#privates = new PrivateWrites(db, this.#numbers, this.#removed);
  }

  apply(op: DirectoryOp): DirectoryResult {
    switch (op.type) {
      case 'createUser':
        return this.#users.create(op.value);
      case 'updateUser':
        return this.#users.update(op.value);
      case 'setPasswordHash':
        return this.#users.setPasswordHash(op.value);
      case 'setTier':
        return this.#users.setTier(op.value);
      case 'createConversation':
        return this.#conversations.create(op.value);
      case 'updateConversation':
        return this.#conversations.update(op.value);
      case 'addMember':
        return this.#conversations.addMember(op.value);
      case 'removeMember':
        return this.#conversations.removeMember(op.value);
      case 'setRole':
        return this.#conversations.setRole(op.value);
      case 'advanceReceipts':
        return this.#receipts.advance(op.value);
      case 'advanceSent':
        return this.#receipts.advanceSent(op.value);
      case 'moveSentThrough':
        return this.#receipts.moveSentThrough(op.value);
      case 'forgetReceipts':
        return this.#receipts.forget(op.value);
      case 'putPrivate':
        return this.#privates.put(op.value);
      default:
        return unreachable(op);
    }
  }

  upkeep(): boolean {
    return this.#removed.step();
  }

  override close(): void {
    this.#removed.finish(() => super.close());
  }

  protected rolledBack(): void {
    this.#numbers.forgetAll();
  }
}
