// The timeline of a cluster, in a database with the MySQL protocol: MySQL, MariaDB or TiDB. Any number of processes append and read. Row
// locks decide which process appends.

import { Batcher } from '@hongyan/base/batcher';
import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { Random } from '@hongyan/base/random';
import type { ClientMsgId } from '@hongyan/protocol/ids';
import { migrateDatabase } from '../../adapters/mysql/migrate.ts';
import type { MysqlOptions } from '../../adapters/mysql/options.ts';
import { MysqlPool } from '../../adapters/mysql/pool.ts';
import { type Fence, Fenced, type LogPosition } from '../../domain/fence.ts';
import type { StoreMeter } from '../../metrics/store-meter.ts';
import type { Tracing } from '../../tracing/tracing.ts';
import type { Feed } from './feed.ts';
import { type Append, Appender } from './mysql/appender.ts';
import { claimPartition, holdFences } from './mysql/fences.ts';
import { JointAppends } from './mysql/joint-appends.ts';
import { findByKeyOfAnyone } from './mysql/key-search.ts';
import { setStateSql, setStateValues } from './mysql/message-changes.ts';
import { monthOf } from './mysql/months.ts';
import { Partitions } from './mysql/partitions.ts';
import { MysqlReads } from './mysql/reads.ts';
import { Retention } from './mysql/retention.ts';
import { timelineLayout } from './mysql/schema.ts';
import { MysqlFeed } from './mysql-feed.ts';
import type { OperatorReads } from './operator-reads.ts';
import type { AppendResult, NewEntry, SharedTimeline, StateChange, StoredEntry } from './timeline.ts';

export interface MysqlTimelineOptions {
  readonly mysql: MysqlOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The maximum number of waiting and committing appends per partition. Further ones reject with `overloaded`. */
  readonly appendsMax: number;
  readonly meter?: StoreMeter | undefined;
  /** Default: no traces. */
  readonly tracing?: Tracing | undefined;
}

/** The timeline and the feed of one database. */
export interface MysqlTimelineStore extends SharedTimeline, OperatorReads {
  readonly feed: Feed;
  /** For metrics. */
  readonly pool: MysqlPool;
  /** Rejects when the database does not answer. */
  check(): Promise<void>;
}

/** Creates missing tables. Rejects with `unavailable` when the database cannot be reached. */
export async function openMysqlTimeline(options: MysqlTimelineOptions): Promise<MysqlTimelineStore> {
  const pool = await MysqlPool.open(options.mysql, options);
  try {
    await migrateDatabase(pool, timelineLayout);
    const [store] = await pool.read<{ epoch: Buffer }>('select epoch from store where id = 1');
    if (store === undefined) throw new Error('the timeline database has no epoch: put back its table `store`');
    return new MysqlTimeline(pool, store.epoch.toString(), options);
  } catch (error) {
    await pool.close();
    throw error;
  }
}

type Lane = Batcher<Append, readonly AppendResult[]>;

class MysqlTimeline extends MysqlReads implements MysqlTimelineStore {
  readonly feed: MysqlFeed;
  readonly #options: MysqlTimelineOptions;
  readonly #appender: Appender;
  readonly #joint: JointAppends;
  readonly #partitions: Partitions;
  readonly #retention: Retention;
  /** By partition; undefined for appends without a fence. One append at a time per lane, because two would wait for the same rows. */
  readonly #lanes = new Map<number | undefined, Lane>();
  #closing: Promise<void> | undefined;

  constructor(
    override readonly pool: MysqlPool,
    epoch: string,
    options: MysqlTimelineOptions,
  ) {
    super(pool, epoch);
    this.feed = new MysqlFeed(pool, { epoch, clock: options.clock });
    this.#options = options;
    this.#appender = new Appender(pool);
    this.#joint = new JointAppends((appends) => this.#commit(appends), options.clock);
    this.#partitions = new Partitions(pool, options.log);
    this.#retention = new Retention(pool, this.#partitions, options);
    options.meter?.queue(() => this.#depth(), options.appendsMax);
    options.meter?.connections(pool);
  }

  append(batch: readonly NewEntry[], fence?: Fence | LogPosition): Promise<readonly AppendResult[]> {
    return this.#lane(fence?.partition).submit({ batch, fence });
  }

  claim(partition: number): Promise<LogPosition> {
    return claimPartition(this.pool, partition);
  }

  async setState(change: StateChange, fence?: Fence): Promise<void> {
    if (fence === undefined) {
      await this.pool.write(setStateSql, setStateValues(change));
      return;
    }
    // Without the offsets of a LogPosition, because setting a state does not move the position.
    const { partition, epoch } = fence;
    await this.pool.transaction(async (statements) => {
      await Promise.all([
        holdFences(statements, [{ partition, epoch }]),
        statements.run(setStateSql, setStateValues(change)),
      ]);
    });
  }

  findAllByClientMsgId(clientMsgId: ClientMsgId): Promise<readonly StoredEntry[]> {
    return findByKeyOfAnyone(this.pool, clientMsgId);
  }

  /** Always false: the content of the database's files is unknown here. docs/operating/cluster-servers.md says where erased text may remain. */
  async isBeingErased(): Promise<boolean> {
    return false;
  }

  retain({ fromMs }: { readonly fromMs: number }): Promise<void> {
    return this.#retention.run(fromMs);
  }

  check(): Promise<void> {
    return this.pool.check();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // Creates the lane of appends without a fence, so that it is drained too.
    this.#lane(undefined);
    await Promise.all([...this.#lanes.values()].map((lane) => lane.drain()));
    await this.pool.close();
  }

  #lane(partition: number | undefined): Lane {
    const known = this.#lanes.get(partition);
    if (known) return known;
    const lane: Lane = new Batcher({
      itemsMax: this.#options.appendsMax,
      batchMax: 1,
      inFlightMax: 1,
      handle: (appends) => Promise.all(appends.map((append) => this.#joint.append(append))),
    });
    if (this.#closing) void lane.drain();
    this.#lanes.set(partition, lane);
    return lane;
  }

  /** Executes one transaction. */
  async #commit(appends: readonly Append[]): Promise<readonly (readonly AppendResult[])[]> {
    const { meter, clock, tracing } = this.#options;
    const startedMs = clock.nowMs();
    const begunMs = clock.monotonicMs();
    const batch = appends.flatMap((append) => append.batch);
    const latestMs = batch.reduce((latest, { timestampMs }) => Math.max(latest, timestampMs), 0);
    try {
      if (batch.length > 0) await this.#partitions.ensure(monthOf(latestMs));
      const results = await this.#appender.append(appends);
      if (batch.length > 0) this.feed.notify();
      for (const { trace } of tracing ? batch : [])
        if (trace !== undefined) tracing?.took(trace, 'transaction', { startedMs, endedMs: clock.nowMs() });
      return results;
    } catch (error) {
      // Not a failure of the database: a newer owner has the partition.
      if (!(error instanceof Fenced)) meter?.failed({ error, atMs: clock.monotonicMs() });
      throw error;
    } finally {
      meter?.batchSize.observe(batch.length);
      meter?.commitSeconds.observe((clock.monotonicMs() - begunMs) / 1000);
    }
  }

  #depth(): number {
    let deepest = 0;
    for (const { depth } of this.#lanes.values()) deepest = Math.max(deepest, depth);
    return deepest;
  }
}
