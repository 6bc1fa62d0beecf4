// The writing side of access.db: applies each write within the transaction of its batch.

import type { Database } from 'bun:sqlite';
import { unreachable } from '@hongyan/base/assert';
import { FileStore } from '../../../adapters/sqlite/file-store.ts';
import { KeyWrites } from './key-rows.ts';
import { type AccessOp, type AccessResult, isDurable } from './ops.ts';
import { RevocationWrites } from './revocation-rows.ts';

export class AccessStore extends FileStore<AccessOp, AccessResult> {
  readonly #keys: KeyWrites;
  readonly #revocations: RevocationWrites;

  constructor(db: Database, revocationsMax: number) {
    super(db, isDurable);
    this.#keys = new KeyWrites(db);
    this.#revocations = new RevocationWrites(db, revocationsMax);
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
      case 'recordUse':
        return this.#revocations.note(op.value);
      case 'forgetExpired':
        return this.#revocations.forget(op.value);
      default:
        return unreachable(op);
    }
  }

  protected rolledBack(): void {
    this.#revocations.rolledBack();
  }
}
