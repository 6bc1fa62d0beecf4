// The embedded device store, in SQLite. It has a separate file and writer thread, so that ten million registrations do not delay receipts.

import type { Database } from 'bun:sqlite';
import type { Log } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import type { DeviceToken, UserId } from '@hongyan/protocol/ids';
import { GroupCommit } from '../../adapters/sqlite/group-commit.ts';
import { openReader } from '../../adapters/sqlite/open.ts';
import { readFailureOf } from '../../adapters/sqlite/read-failure.ts';
import type { StoreMeter } from '../../metrics/store-meter.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { DeviceReader, Devices } from './devices.ts';
import type { RegistrationBatch } from './registration-batch.ts';
import { DeviceReads } from './sqlite/device-reads.ts';
import type { DevicesInit } from './sqlite/devices.worker.ts';
import type { DeviceOp, DeviceResult, ResultOf, ValueOf } from './sqlite/ops.ts';
import { assertDevicesLayout } from './sqlite/schema.ts';

export interface SqliteDevicesOptions {
  readonly path: string;
  readonly log: Log;
  /** The maximum size of the file. Writes beyond it reject. */
  readonly maxBytes?: number | undefined;
  /** Called when the writer thread died: all later writes reject, while reads continue. */
  readonly onDeath?: () => void;
  readonly meter?: StoreMeter | undefined;
}

/** The maximum number of waiting and committing calls. Further ones reject with `overloaded`. */
const callsMax = 100_000;
/** The maximum number of calls per transaction. One of them may be a slice of registrations. */
const batchMax = 500;
/** The size of the part of a call that the thread parses at a time. */
const partChars = 500_000;

export async function openSqliteDevices(options: SqliteDevicesOptions): Promise<Devices> {
  const { path, log, maxBytes, meter } = options;
  const init: DevicesInit = { path, maxBytes };
  const writer = new GroupCommit<DeviceOp, DeviceResult>({
    worker: new URL('./sqlite/devices.worker.ts', import.meta.url),
    init,
    meter,
    queueMax: callsMax,
    batchMax,
    onFatal(error) {
      log.error('devices writer died', { error });
      options.onDeath?.();
    },
  });
  await writer.ready();
  return new SqliteDevices(openReader(path), writer);
}

/** Opens the reads only, for a process that runs beside the server. Throws for a file of another layout. */
export function openSqliteDeviceReader(path: string): DeviceReader {
  const db = openReader(path);
  try {
    assertDevicesLayout(db);
    return new SqliteDeviceReader(db);
  } catch (error) {
    db.close();
    throw error;
  }
}

class SqliteDeviceReader implements DeviceReader {
  readonly #db: Database;
  protected readonly reads: DeviceReads;
  #isClosed = false;

  constructor(db: Database) {
    this.#db = db;
    this.reads = new DeviceReads(db);
  }

  ofUsers(userIds: readonly UserId[]) {
    return this.read(() => this.reads.ofUsers(userIds));
  }

  ofUser(request: Parameters<DeviceReader['ofUser']>[0]) {
    return this.read(() => this.reads.ofUser(request));
  }

  lastSeen(userIds: readonly UserId[]) {
    return this.read(() => this.reads.lastSeen(userIds));
  }

  get(deviceToken: DeviceToken) {
    return this.read(() => this.reads.get(deviceToken));
  }

  list(request: Parameters<DeviceReader['list']>[0]) {
    return this.read(() => this.reads.list(request));
  }

  counts(request: Parameters<DeviceReader['counts']>[0]) {
    return this.read(() => this.reads.counts(request));
  }

  total() {
    return this.read(() => this.reads.total());
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#db.close();
  }

  protected async read<T>(query: () => T): Promise<T> {
    if (this.#isClosed) throw new StoreFailure('unavailable', 'the store of devices is closed');
    try {
      return query();
    } catch (error) {
      throw readFailureOf(error);
    }
  }
}

class SqliteDevices extends SqliteDeviceReader implements Devices {
  readonly outbox: Outbox = {
    pending: (limit) => this.read(() => this.reads.pending(limit)),
    delivered: async (nos) => {
      if (nos.length > 0) await this.#submit('delivered', { nos });
    },
  };
  readonly #writer: GroupCommit<DeviceOp, DeviceResult>;
  /** Large calls run one after another, because the thread gathers for one at a time. */
  #registering: Promise<unknown> = Promise.resolve();

  constructor(db: Database, writer: GroupCommit<DeviceOp, DeviceResult>) {
    super(db);
    this.#writer = writer;
  }

  register(batches: readonly RegistrationBatch[]): Promise<{ readonly storedCount: number }> {
    const registered = this.#registering.then(() => this.#register(batches));
    this.#registering = registered.catch(() => undefined);
    return registered;
  }

  bind(request: Parameters<Devices['bind']>[0]) {
    return this.#submit('bind', request);
  }

  unbind(request: Parameters<Devices['unbind']>[0]) {
    return this.#submit('unbind', request);
  }

  async touch(touch: Parameters<Devices['touch']>[0]): Promise<void> {
    await this.#submit('touch', touch);
  }

  notSeenSince(request: Parameters<Devices['notSeenSince']>[0]) {
    return this.read(() => this.reads.notSeenSince(request));
  }

  async forget(request: Parameters<Devices['forget']>[0]): Promise<number> {
    return request.keys.length === 0 ? 0 : this.#submit('forget', request);
  }

  override async close(): Promise<void> {
    await this.#writer.close();
    await super.close();
  }

  async #register(batches: readonly RegistrationBatch[]): Promise<{ readonly storedCount: number }> {
    const parts = partsOf(batches);
    let sliceCount = 0;
    for (const [index, part] of parts.entries()) {
      const place = { isFirst: index === 0, isLast: index === parts.length - 1 };
      ({ sliceCount } = await this.#submit('gather', { batches: part, ...place }));
    }
    let storedCount = 0;
    for (let slice = 0; slice < sliceCount; slice++)
      storedCount += await this.#submit('store', { slice, isLast: slice === sliceCount - 1 });
    return { storedCount };
  }

  /** The store answers each op with a result of the same type. */
  #submit<T extends DeviceOp['type']>(type: T, value: ValueOf<T>): Promise<ResultOf<T>> {
    return this.#writer.submit({ type, value } as DeviceOp) as Promise<ResultOf<T>>;
  }
}

/** Splits the batches into parts that the thread parses within some milliseconds. */
function partsOf(batches: readonly RegistrationBatch[]): readonly RegistrationBatch[][] {
  const parts: RegistrationBatch[][] = [];
  let chars = partChars;
  for (const batch of batches) {
    if (chars >= partChars) {
      parts.push([]);
      chars = 0;
    }
    parts.at(-1)?.push(batch);
    chars += batch.length;
  }
  return parts;
}
