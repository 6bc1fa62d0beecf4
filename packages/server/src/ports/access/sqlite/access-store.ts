// The writer's side of access.db: applies each write inside the transaction of its batch.

import type { Database } from 'bun:sqlite';
import { unreachable } from '@hongyan/base/assert';
import { closeWriter, type Transaction, transactionOf } from '../../../adapters/sqlite/open.ts';
import type { BatchStore } from '../../../adapters/sqlite/serve-group-commit.ts';
import { KeyWrites } from './key-rows.ts';
import { type AccessOp, type AccessResult, isDurable } from './ops.ts';
import { RevocationWrites } from './revocation-rows.ts';

export class AccessStore implements BatchStore<AccessOp, AccessResult> {
  readonly #db: Database;
  readonly #transaction: Transaction;
  readonly #keys: KeyWrites;
  readonly #revocations: RevocationWrites;

  constructor(db: Database, revocationsMax: number) {
    this.#db = db;
    this.#transaction = transactionOf(db);
    this.#keys = new KeyWrites(db);
    this.#revocations = new RevocationWrites(db, revocationsMax);
  }

  begin(ops: readonly AccessOp[]): void {
    this.#transaction.begin({ isDurable: ops.some(isDurable) });
  }

  apply(op: AccessOp): AccessResult {
    switch (op.type) {
      case 'createKey':
        return this.#keys.create(op.value);
      case 'revokeKey':
        return this.#keys.revoke(op.value);
      case 'touchKey':
        return this.#keys.touch(op.value);
      case 'revoke':
        return this.#revocations.revoke(op.value);
      case 'noteUse':
        return this.#revocations.note(op.value);
      case 'forgetExpired':
        return this.#revocations.forget(op.value);
      default:
        return unreachable(op);
    }
  }

  commit(): void {
    this.#transaction.commit();
  }

  rollback(): void {
    this.#transaction.rollback();
    this.#revocations.rolledBack();
  }

  close(): void {
    closeWriter(this.#db);
  }
}
