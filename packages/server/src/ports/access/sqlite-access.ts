// The embedded access store, in SQLite. A writer thread commits the writes in batches. Reads see committed writes.

import type { Database } from 'bun:sqlite';
import type { Log } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import type { DeviceId, UserId } from '@hongyan/protocol/ids';
import { GroupCommit } from '../../adapters/sqlite/group-commit.ts';
import { openReader } from '../../adapters/sqlite/open.ts';
import { readFailureOf } from '../../adapters/sqlite/read-failure.ts';
import type { StoreMeter } from '../../metrics/store-meter.ts';
import type { Access, AccessWrite } from './access.ts';
import type { AccessInit } from './sqlite/access.worker.ts';
import { KeyReads } from './sqlite/key-rows.ts';
import type { AccessOp, AccessResult, ResultOf, ValueOf } from './sqlite/ops.ts';
import { RevocationReads } from './sqlite/revocation-rows.ts';

export interface SqliteAccessOptions {
  readonly path: string;
  readonly log: Log;
  /** The maximum size of the file. Writes beyond it reject. */
  readonly maxBytes?: number | undefined;
  /** The maximum number of revocations. Further ones return `full`. */
  readonly revocationsMax: number;
  /** The maximum number of waiting and committing calls. Further writes reject. */
  readonly queueMax: number;
  /** The maximum number of calls per transaction. */
  readonly batchMax: number;
  /** Called when the writer thread died: all later writes reject, while reads continue. */
  readonly onDeath?: () => void;
  readonly meter?: StoreMeter | undefined;
}

/** Creates a missing file. Beside a running server it is a second writer, which waits while the server writes. */
export async function openSqliteAccess(options: SqliteAccessOptions): Promise<Access> {
  const { path, log, maxBytes, revocationsMax, queueMax, batchMax, meter } = options;
  const init: AccessInit = { path, maxBytes, revocationsMax };
  const writer = new GroupCommit<AccessOp, AccessResult>({
    worker: new URL('./sqlite/access.worker.ts', import.meta.url),
    init,
    meter,
    queueMax,
    batchMax,
    onFatal(error) {
      log.error('access writer died', { error });
      options.onDeath?.();
    },
  });
  await writer.ready();
  return new SqliteAccess(openReader(path, { cacheBytes: readCacheBytes }), writer);
}

const readCacheBytes = 2 * 1024 * 1024;

class SqliteAccess implements Access {
  readonly #db: Database;
  readonly #writer: GroupCommit<AccessOp, AccessResult>;
  readonly #keys: KeyReads;
  readonly #revocations: RevocationReads;
  #isClosed = false;

  constructor(db: Database, writer: GroupCommit<AccessOp, AccessResult>) {
    this.#db = db;
    this.#writer = writer;
    this.#keys = new KeyReads(db);
    this.#revocations = new RevocationReads(db);
  }

  findKey(keyId: string) {
    return this.#read(() => this.#keys.find(keyId));
  }

  listKeys() {
    return this.#read(() => this.#keys.list());
  }

  createKey(value: ValueOf<'createKey'>) {
    return this.#write('createKey', value);
  }

  revokeKey(value: ValueOf<'revokeKey'>) {
    return this.#write('revokeKey', value);
  }

  touchKey(value: ValueOf<'touchKey'>) {
    return this.#write('touchKey', value);
  }

  async revoke(value: ValueOf<'revoke'>): Promise<ResultOf<'revoke'>> {
    return value.length === 0 ? 'revoked' : this.#write('revoke', value);
  }

  revocations(page: { readonly after?: number; readonly limit: number }) {
    return this.#read(() => this.#revocations.page(page));
  }

  issuedBefore(userId: UserId) {
    return this.#read(() => this.#revocations.issuedBefore(userId));
  }

  async recordUse(value: ValueOf<'recordUse'>): Promise<void> {
    if (!(await this.#read(() => this.#revocations.isNoted(value)))) await this.#write('recordUse', value);
  }

  signedIn(user: { readonly userId: UserId; readonly nowMs: number }) {
    return this.#read(() => this.#revocations.signedIn(user));
  }

  tokensOf(device: { readonly userId: UserId; readonly deviceId: DeviceId }) {
    return this.#read(() => this.#revocations.tokensOf(device));
  }

  devicesOf(tokenId: string) {
    return this.#read(() => this.#revocations.devicesOf(tokenId));
  }

  forgetExpired(value: ValueOf<'forgetExpired'>) {
    return this.#write('forgetExpired', value);
  }

  async close(): Promise<void> {
    await this.#writer.close();
    if (!this.#isClosed) this.#db.close();
    this.#isClosed = true;
  }

  /** A disk that cannot be read rejects with StoreFailure; any other throw is a bug. */
  async #read<T>(query: () => T): Promise<T> {
    if (this.#isClosed) throw new StoreFailure('unavailable', 'the access store is closed');
    try {
      return query();
    } catch (error) {
      throw readFailureOf(error);
    }
  }

  /** The store answers each op with a result of the same type. */
  #write<W extends AccessWrite>(type: W, value: ValueOf<W>): Promise<ResultOf<W>> {
    return this.#writer.submit({ type, value } as AccessOp) as Promise<ResultOf<W>>;
  }
}
