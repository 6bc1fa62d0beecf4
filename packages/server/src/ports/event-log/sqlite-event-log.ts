// The embedded event log: one SQLite file. A writer thread commits the writes in batches. Reads see committed writes.

import type { Database } from 'bun:sqlite';
import { assert } from '@hongyan/base/assert';
import type { Log } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import { GroupCommit } from '../../adapters/sqlite/group-commit.ts';
import { openReader } from '../../adapters/sqlite/open.ts';
import { readFailureOf } from '../../adapters/sqlite/read-failure.ts';
import type { StoreMeter } from '../../metrics/store-meter.ts';
import { type Claim, ClaimLost, sendJob } from './claims.ts';
import { EndpointListeners } from './endpoint-listeners.ts';
import type { EventLog } from './event-log.ts';
import { LogEnd } from './log-end.ts';
import { MemoryClaims } from './memory-claims.ts';
import { EventReads } from './sqlite/event-reads.ts';
import type { EventLogInit } from './sqlite/events.worker.ts';
import type { EventLogOp, EventLogResult, EventLogWrite, ResultOf } from './sqlite/ops.ts';

export interface SqliteEventLogOptions {
  readonly path: string;
  readonly log: Log;
  /** The maximum size of the file. Writes beyond it reject. */
  readonly maxBytes?: number | undefined;
  /** The maximum number of waiting and committing calls. Further writes reject. */
  readonly queueMax: number;
  readonly batchMax: number;
  /** Called when the writer thread died: all later writes reject, while reads continue. */
  readonly onDeath?: () => void;
  readonly meter?: StoreMeter | undefined;
}

export async function openSqliteEventLog(options: SqliteEventLogOptions): Promise<EventLog> {
  const { path, log, maxBytes, queueMax, batchMax, onDeath, meter } = options;
  const init: EventLogInit = { path, maxBytes };
  const writer = new GroupCommit<EventLogOp, EventLogResult>({
    worker: new URL('./sqlite/events.worker.ts', import.meta.url),
    init,
    queueMax,
    batchMax,
    meter,
    onFatal(error) {
      log.error('event log writer died', { error });
      onDeath?.();
    },
  });
  await writer.ready();
  return new SqliteEventLog(openReader(path, { cacheBytes: 4 * 1024 * 1024 }), writer);
}

type Args<M extends keyof EventLog> = EventLog[M] extends (...args: infer A) => unknown ? A : never;

class SqliteEventLog implements EventLog {
  readonly epoch: string;
  readonly #db: Database;
  readonly #reads: EventReads;
  readonly #writer: GroupCommit<EventLogOp, EventLogResult>;
  readonly #claims = new MemoryClaims();
  readonly #listeners = new EndpointListeners();
  readonly #end: LogEnd;
  /** Initially true, because an earlier run of the process may have left positions. */
  #hasUnreported = true;
  #isClosed = false;

  constructor(db: Database, writer: GroupCommit<EventLogOp, EventLogResult>) {
    this.#db = db;
    this.#reads = new EventReads(db);
    this.#writer = writer;
    const epoch = this.#reads.meta('epoch');
    assert(epoch, 'an event log has its epoch since its first migration');
    this.epoch = epoch;
    this.#end = new LogEnd(this.#reads.end());
  }

  async append(...args: Args<'append'>) {
    await this.#write('append', args);
  }
  async beginRecording(...args: Args<'beginRecording'>) {
    await this.#write('beginRecording', args);
  }
  async endRecording() {
    await this.#write('endRecording', []);
  }
  async recordPositions(...args: Args<'recordPositions'>) {
    await this.#write('recordPositions', args);
    this.#hasUnreported = true;
  }
  async appendPositionEvents(...args: Args<'appendPositionEvents'>) {
    // Most calls find nothing to append, and must not cost a commit.
    if (!this.#hasUnreported) return false;
    this.#hasUnreported = false;
    try {
      const hasTold = await this.#write('appendPositionEvents', args);
      if (hasTold) this.#hasUnreported = true;
      return hasTold;
    } catch (error) {
      this.#hasUnreported = true;
      throw error;
    }
  }
  async recordPresence(...args: Args<'recordPresence'>) {
    await this.#write('recordPresence', args);
  }
  retain(...args: Args<'retain'>) {
    return this.#write('retain', args);
  }
  addEndpoint(...[endpoint]: Args<'addEndpoint'>): Promise<void> {
    return this.#changed(endpoint.id, async () => void (await this.#write('addEndpoint', [endpoint])));
  }
  changeEndpoint(...args: Args<'changeEndpoint'>) {
    return this.#changed(args[0], () => this.#write('changeEndpoint', args));
  }
  removeEndpoint(...args: Args<'removeEndpoint'>) {
    return this.#changed(args[0], () => this.#write('removeEndpoint', args));
  }
  replay(...args: Args<'replay'>) {
    return this.#changed(args[0], () => this.#write('replay', args));
  }
  replayDead(...args: Args<'replayDead'>) {
    return this.#changed(args[0].endpointId, () => this.#write('replayDead', args));
  }
  async settle(...[settlement]: Args<'settle'>) {
    if (!this.#claims.isHeld(settlement.claim)) throw new ClaimLost(settlement.claim);
    await this.#write('settle', [settlement]);
  }
  async recordAttempts(...args: Args<'recordAttempts'>) {
    await this.#write('recordAttempts', args);
  }
  onEndpointChanged = (heard: (endpointId: string) => void) => this.#listeners.add(heard);

  claim = (request: Args<'claim'>[0]) => this.#claims.claim(request);
  renew = (claims: readonly Claim[]) => this.#claims.renew(claims);
  held = (claims: readonly Claim[]) => this.#claims.held(claims);
  release = (claims: readonly Claim[]) => this.#claims.release(claims);
  workers = () => this.#claims.workers();

  isRecording() {
    return this.#read(() => this.#reads.feedPosition() !== undefined);
  }
  reportedOnline(...args: Args<'reportedOnline'>) {
    return this.#read(() => this.#reads.reportedOnline(...args));
  }
  feedPosition() {
    return this.#read(() => this.#reads.feedPosition());
  }
  read(...args: Args<'read'>) {
    return this.#read(() => this.#reads.read(...args));
  }
  at(...args: Args<'at'>) {
    return this.#read(() => this.#reads.at(...args));
  }
  ends() {
    return this.#read(() => this.#reads.ends());
  }
  endpoints() {
    return this.#read(() => this.#reads.endpoints());
  }
  parked(...args: Args<'parked'>) {
    return this.#read(() => this.#reads.parked(...args));
  }
  attempts(...args: Args<'attempts'>) {
    return this.#read(() => this.#reads.attempts(...args));
  }
  deadLetters(...args: Args<'deadLetters'>) {
    return this.#read(() => this.#reads.deadLetters(...args));
  }
  counts(...args: Args<'counts'>) {
    return this.#read(() => this.#reads.counts(...args));
  }

  wait(request: Args<'wait'>[0]): Promise<void> {
    return this.#end.wait(request);
  }

  async close(): Promise<void> {
    await this.#writer.close();
    this.#isClosed = true;
    this.#end.close();
    this.#db.close();
  }

  /** Ends the claim of the endpoint before the change, and admits no new one until the change is done. */
  async #changed<T>(endpointId: string, change: () => Promise<T>): Promise<T> {
    const job = sendJob(endpointId);
    this.#claims.take(job);
    try {
      return await change();
    } finally {
      this.#claims.end(job);
      this.#listeners.changed(endpointId);
    }
  }

  /** The store answers each op with a result of the same type. */
  async #write<W extends EventLogWrite>(type: W, args: Args<W>): Promise<ResultOf<W>> {
    const { value, end } = await this.#writer.submit({ type, args } as unknown as EventLogOp);
    this.#end.moveTo(end);
    return value as ResultOf<W>;
  }

  /** Resolves with the result of `query`. A disk that cannot be read rejects with StoreFailure; any other throw is a bug. */
  async #read<T>(query: () => T): Promise<T> {
    if (this.#isClosed) throw new StoreFailure('unavailable', 'the event log is closed');
    try {
      return query();
    } catch (error) {
      throw readFailureOf(error);
    }
  }
}
