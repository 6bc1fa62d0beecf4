// The writing side of devices.db: applies each op within the transaction of its batch.

import type { Database } from 'bun:sqlite';
import { unreachable } from '@hongyan/base/assert';
import { FileStore } from '../../../adapters/sqlite/file-store.ts';
import { type DeviceOp, type DeviceResult, isDurable } from './ops.ts';
import { OwnerWrites } from './owner-writes.ts';
import { RegistrationWrites } from './registration-writes.ts';

export class DeviceStore extends FileStore<DeviceOp, DeviceResult> {
  readonly #registrations: RegistrationWrites;
  readonly #owners: OwnerWrites;

  constructor(db: Database) {
    super(db, isDurable);
    this.#registrations = new RegistrationWrites(db);
    this.#owners = new OwnerWrites(db);
  }

  apply(op: DeviceOp): DeviceResult {
    switch (op.type) {
      case 'gather':
        return this.#registrations.gather(op.value);
      case 'store':
        return this.#registrations.store(op.value);
      case 'bind':
        return this.#owners.bind(op.value);
      case 'unbind':
        return this.#owners.unbind(op.value);
      case 'touch':
        return this.#owners.touch(op.value);
      case 'forget':
        return this.#owners.forget(op.value);
      case 'delivered':
        return this.#owners.delivered(op.value);
      default:
        return unreachable(op);
    }
  }

  protected rolledBack(): void {
    this.#registrations.forget();
  }
}
