// The event log of a cluster, on the MySQL protocol. Several processes append and read. Concurrent writes of one process share a commit.

import { Batcher } from '@hongyan/base/batcher';
import type { Clock, Timer } from '@hongyan/base/clock';
import type { Random } from '@hongyan/base/random';
import { StoreFailure } from '@hongyan/base/result';
import { migrateDatabase } from '../../adapters/mysql/migrate.ts';
import type { MysqlOptions } from '../../adapters/mysql/options.ts';
import { MysqlPool } from '../../adapters/mysql/pool.ts';
import { newEpoch } from '../timeline/position.ts';
import { type EventLog, FeedMoved, type Position, type ReportedPosition } from './event-log.ts';
import { LogEnd } from './log-end.ts';
import { eventAt, readEvents, readLog, removeEvents } from './mysql/event-rows.ts';
import { LockedLog } from './mysql/locked-log.ts';
import { eventsLayout } from './mysql/schema.ts';
import {
  appendPositionEvents,
  hasUnreported,
  recordPositions,
  recordPresence,
  removePositions,
  reportedOnline,
} from './mysql/source-rows.ts';
import { hasEndpoints, WebhookRows } from './mysql/webhook-rows.ts';

export interface MysqlEventLogOptions {
  /** A database that no other store shares. */
  readonly mysql: MysqlOptions;
  /** The maximum number of waiting writes. Further ones reject with `overloaded`. */
  readonly queueMax: number;
  readonly batchMax: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** Connects and migrates the tables. */
export async function openMysqlEventLog(options: MysqlEventLogOptions): Promise<EventLog> {
  const { mysql, clock, random } = options;
  const pool = await MysqlPool.open(mysql, { clock, random });
  try {
    await migrateDatabase(pool, eventsLayout);
    await pool.write(
      `insert into log (no, epoch, last_position, removed_through, bytes, feed_position) values (1, ?, 0, 0, 0, null)
       on duplicate key update no = no`,
      [newEpoch()],
    );
    const { epoch, ends } = await readLog(pool);
    return new MysqlEventLog(pool, options, { epoch, end: ends.end });
  } catch (error) {
    await pool.close();
    throw error;
  }
}

/** The maximum delay until a waiting reader notices events of other processes. */
const lookEveryMs = 200;

type Args<M extends keyof EventLog> = EventLog[M] extends (...args: infer A) => unknown ? A : never;
/** A write to the log. Its own rejection is returned, while a failure of the database rejects the whole batch. */
type Write = (log: LockedLog) => Promise<unknown>;

class MysqlEventLog extends WebhookRows implements EventLog {
  readonly epoch: string;
  readonly #pool: MysqlPool;
  readonly #clock: Clock;
  readonly #writes: Batcher<Write, unknown>;
  readonly #notes: Batcher<ReportedPosition, undefined>;
  readonly #feed = new FeedPlace();
  #looking: Timer | undefined;
  readonly #end: LogEnd;
  #isClosed = false;

  constructor(
    pool: MysqlPool,
    { queueMax, batchMax, clock }: MysqlEventLogOptions,
    { epoch, end }: { readonly epoch: string; readonly end: number },
  ) {
    super(pool);
    this.epoch = epoch;
    this.#pool = pool;
    this.#clock = clock;
    this.#end = new LogEnd(end);
    const bounds = { itemsMax: queueMax, batchMax, inFlightMax: 1 };
    this.#writes = new Batcher({ ...bounds, handle: (batch) => this.#commit(batch) });
    this.#notes = new Batcher({
      ...bounds,
      handle: async (batch) => {
        await recordPositions(pool, batch);
        return batch.map(() => undefined);
      },
    });
  }

  async append({ events, feedPosition }: Args<'append'>[0]): Promise<void> {
    if (feedPosition === undefined) {
      if (events.length > 0) await this.#write(async (log) => events.forEach((event) => void log.add(event)));
      return;
    }
    await this.#feed.moving(feedPosition, (mayMoveFrom) =>
      this.#write(async (log) => {
        if (!mayMoveFrom(log.feedPosition)) return new FeedMoved();
        for (const event of events) log.add(event);
        log.feedPosition = feedPosition;
      }),
    );
  }

  async isRecording(): Promise<boolean> {
    return (await readLog(this.#pool)).feedPosition !== undefined;
  }
  async beginRecording(feedPosition: Position): Promise<void> {
    await this.#write(async (log) => {
      log.feedPosition ??= feedPosition;
    });
  }
  async endRecording(): Promise<void> {
    await this.#write(async (log) => {
      if (!(await hasEndpoints(log.statements))) log.feedPosition = undefined;
    });
  }

  async feedPosition(): Promise<Position | undefined> {
    const { feedPosition } = await readLog(this.#pool);
    this.#feed.isAt(feedPosition);
    return feedPosition;
  }

  async recordPositions(batch: readonly ReportedPosition[]): Promise<void> {
    await this.#notes.submitAll(batch);
  }
  async appendPositionEvents(request: Args<'appendPositionEvents'>[0]): Promise<boolean> {
    return (await hasUnreported(this.#pool)) && this.#write((log) => appendPositionEvents(log, request));
  }
  recordPresence(...[batch, run]: Args<'recordPresence'>): Promise<void> {
    return this.#write((log) => recordPresence(log, batch, run));
  }
  reportedOnline(request: Args<'reportedOnline'>[0]) {
    return reportedOnline(this.#pool, request);
  }
  retain(request: Args<'retain'>[0]): Promise<boolean> {
    return this.#write(async (log) => (await removeEvents(log, request)) || (await removePositions(log, request)));
  }

  read(request: Args<'read'>[0]) {
    return readEvents(this.#pool, request);
  }
  at(position: number) {
    return eventAt(this.#pool, position);
  }
  async ends() {
    return (await readLog(this.#pool)).ends;
  }

  wait(request: Args<'wait'>[0]): Promise<void> {
    const waiting = this.#end.wait(request);
    this.#lookLater();
    return waiting;
  }

  async close(): Promise<void> {
    await Promise.all([this.#writes.drain(), this.#notes.drain()]);
    this.#isClosed = true;
    this.#looking?.cancel();
    this.#end.close();
    await this.#pool.close();
  }

  async #write<T>(write: (log: LockedLog) => Promise<T>): Promise<Exclude<T, StoreFailure>> {
    const value = (await this.#writes.submit(write)) as T;
    if (value instanceof StoreFailure) throw value;
    return value as Exclude<T, StoreFailure>;
  }

  /** Executes all writes in one transaction, which may run again from its start. */
  async #commit(batch: readonly Write[]): Promise<readonly unknown[]> {
    const { results, end } = await this.#pool.transaction(async (statements) => {
      const log = await LockedLog.lock(statements, this.#pool.statementBytesMax);
      const results: unknown[] = [];
      for (const write of batch) results.push(await write(log));
      await log.save();
      return { results, end: log.end };
    });
    this.#end.moveTo(end);
    return results;
  }

  /** Polls for events of other processes while readers wait. */
  #lookLater(): void {
    if (this.#looking || this.#isClosed || !this.#end.isWaitedFor) return;
    this.#looking = this.#clock.after(lookEveryMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    try {
      const [row] = await this.#pool.read<{ last_position: number }>('select last_position from log where no = 1');
      this.#end.moveTo(row?.last_position ?? 0);
    } catch (error) {
      // The next read of a waiting reader reports the failure, and polling continues.
      if (!(error instanceof StoreFailure)) throw error;
    } finally {
      this.#looking = undefined;
      this.#lookLater();
    }
  }
}

/** The feed position that this process last read or wrote. After a commit with unknown outcome it is one of two. */
class FeedPlace {
  #places: readonly (Position | undefined)[] | 'any' = 'any';

  isAt(position: Position | undefined): void {
    this.#places = [position];
  }

  /** `move` receives the positions from which it may move. */
  async moving(
    to: Position,
    move: (mayMoveFrom: (stored: Position | undefined) => boolean) => Promise<unknown>,
  ): Promise<void> {
    const from = this.#places;
    try {
      await move((stored) => from === 'any' || from.includes(stored));
      this.#places = [to];
    } catch (error) {
      if (error instanceof StoreFailure && error.code === 'unknown_outcome' && from !== 'any')
        this.#places = [...from, to];
      throw error;
    }
  }
}
