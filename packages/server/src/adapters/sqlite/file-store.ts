// The base class of batch stores with one SQLite file: their transactions.

import type { Database } from 'bun:sqlite';
import { closeWriter, type Transaction, transactionOf } from './open.ts';
import type { BatchStore } from './writer-thread-server.ts';

export abstract class FileStore<Op, Result> implements BatchStore<Op, Result> {
  readonly #db: Database;
  readonly #transaction: Transaction;
  readonly #isDurable: (op: Op) => boolean;

  /** A batch whose ops are all not durable commits without an fsync. */
  constructor(db: Database, isDurable: (op: Op) => boolean) {
    this.#db = db;
    this.#transaction = transactionOf(db);
    this.#isDurable = isDurable;
  }

  abstract apply(op: Op): Result;

  begin(ops: readonly Op[]): void {
    this.#transaction.begin({ isDurable: ops.some(this.#isDurable) });
  }

  commit(): void {
    this.#transaction.commit();
  }

  rollback(): void {
    this.#transaction.rollback();
    this.rolledBack();
  }

  close(): void {
    closeWriter(this.#db);
  }

  /** Reverts the in-memory state of the batch. */
  protected abstract rolledBack(): void;
}
