// What the batch stores of one file have in common: their transaction, and how it ends.

import type { Database } from 'bun:sqlite';
import { closeWriter, type Transaction, transactionOf } from './open.ts';
import type { BatchStore } from './serve-group-commit.ts';

export abstract class FileStore<Op, Result> implements BatchStore<Op, Result> {
  readonly #db: Database;
  readonly #transaction: Transaction;
  readonly #isDurable: (op: Op) => boolean;

  /** A batch without an op that is durable does not wait for the disk. */
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

  /** What memory learned of the batch is to be forgotten. */
  protected abstract rolledBack(): void;
}
