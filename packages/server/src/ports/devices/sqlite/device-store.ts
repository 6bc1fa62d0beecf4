// The writer's side of devices.db: applies each op inside the transaction of its batch.

import type { Database } from 'bun:sqlite';
import { unreachable } from '@hongyan/base/assert';
import { closeWriter, type Transaction, transactionOf } from '../../../adapters/sqlite/open.ts';
import type { BatchStore } from '../../../adapters/sqlite/serve-group-commit.ts';
import { type DeviceAnswer, type DeviceOp, isDurable } from './ops.ts';
import { OwnerWrites } from './owner-writes.ts';
import { RegistrationWrites } from './registration-writes.ts';

export class DeviceStore implements BatchStore<DeviceOp, DeviceAnswer> {
  readonly #db: Database;
  readonly #transaction: Transaction;
  readonly #registrations: RegistrationWrites;
  readonly #owners: OwnerWrites;

  constructor(db: Database) {
    this.#db = db;
    this.#transaction = transactionOf(db);
    this.#registrations = new RegistrationWrites(db);
    this.#owners = new OwnerWrites(db);
  }

  begin(ops: readonly DeviceOp[]): void {
    this.#transaction.begin({ isDurable: ops.some(isDurable) });
  }

  apply(op: DeviceOp): DeviceAnswer {
    switch (op.type) {
      case 'gather':
        return this.#registrations.gather(op.ask);
      case 'store':
        return this.#registrations.store(op.ask);
      case 'bind':
        return this.#owners.bind(op.ask);
      case 'unbind':
        return this.#owners.unbind(op.ask);
      case 'touch':
        return this.#owners.touch(op.ask);
      case 'forget':
        return this.#owners.forget(op.ask);
      default:
        return unreachable(op);
    }
  }

  commit(): void {
    this.#transaction.commit();
  }

  rollback(): void {
    this.#transaction.rollback();
    this.#registrations.forget();
  }

  close(): void {
    closeWriter(this.#db);
  }
}
