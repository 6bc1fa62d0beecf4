// The writer's side of devices.db: applies each op inside the transaction of its batch.

import type { Database } from 'bun:sqlite';
import { unreachable } from '@hongyan/base/assert';
import { FileStore } from '../../../adapters/sqlite/file-store.ts';
import { type DeviceAnswer, type DeviceOp, isDurable } from './ops.ts';
import { OwnerWrites } from './owner-writes.ts';
import { RegistrationWrites } from './registration-writes.ts';

export class DeviceStore extends FileStore<DeviceOp, DeviceAnswer> {
  readonly #registrations: RegistrationWrites;
  readonly #owners: OwnerWrites;

  constructor(db: Database) {
    super(db, isDurable);
    this.#registrations = new RegistrationWrites(db);
    this.#owners = new OwnerWrites(db);
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
      case 'delivered':
        return this.#owners.delivered(op.ask);
      default:
        return unreachable(op);
    }
  }

  protected rolledBack(): void {
    this.#registrations.forget();
  }
}
