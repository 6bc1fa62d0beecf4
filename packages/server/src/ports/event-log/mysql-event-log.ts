// The event log of a cluster, on the MySQL protocol. Several processes append and read; what is appended in one process at a time shares
// a commit.

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
  hasUntold,
  recordPositions,
  recordPresence,
  removePositions,
  reportedOnline,
} from './mysql/source-rows.ts';
import { hasEndpoints, WebhookRows } from './mysql/webhook-rows.ts';

export interface MysqlEventLogOptions {
  /** The database is the event log's alone. */
  readonly mysql: MysqlOptions;
  /** Writes that wait; above it a write rejects as overloaded. */
  readonly queueMax: number;
  readonly batchMax: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** Connects, and brings the tables to this version. */
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

/** What others append is noticed so late by those that wait. */
const lookEveryMs = 200;

type Args<M extends keyof EventLog> = EventLog[M] extends (...args: infer A) => unknown ? A : never;
/** What a write does to the log; a rejection of its own, beside those of the database, is returned. */
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
    return (await hasUntold(this.#pool)) && this.#write((log) => appendPositionEvents(log, request));
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

  /** All of them in one transaction, which may begin anew. */
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

  /** Looks for what other processes appended, while somebody waits. */
  #lookLater(): void {
    if (this.#looking || this.#isClosed || !this.#end.isWaitedFor) return;
    this.#looking = this.#clock.after(lookEveryMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    try {
      const [row] = await this.#pool.read<{ last_position: number }>('select last_position from log where no = 1');
      this.#end.moveTo(row?.last_position ?? 0);
    } catch (error) {
      // Whoever waits would be told the same by its next read, and is looked for again.
      if (!(error instanceof StoreFailure)) throw error;
    } finally {
      this.#looking = undefined;
      this.#lookLater();
    }
  }
}

/** Where this process believes the feed's position to be: what it read or wrote itself. After a commit of unknown outcome: one of two. */
class FeedPlace {
  #places: readonly (Position | undefined)[] | 'any' = 'any';

  isAt(position: Position | undefined): void {
    this.#places = [position];
  }

  /** `move` is told from where it may move. */
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
