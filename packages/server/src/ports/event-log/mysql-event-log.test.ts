// The event log on the MySQL protocol: its contract, several processes that append concurrently, and a server that dies.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { systemClock } from '@hongyan/base/clock';
import { StoreFailure } from '@hongyan/base/result';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import { rejectionOf } from '@hongyan/testing/rejection';
import { Scratch, type ScratchDatabase } from '@hongyan/testing/scratch';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { describeWith, ownServices } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { sendJob, workerJob } from './claims.ts';
import type { EventLog, NewEvent, Position } from './event-log.ts';
import { openMysqlEventLog } from './mysql-event-log.ts';
import { eventLogContract } from './testing/contract.ts';
import { event, events } from './testing/drafts.ts';

const open = (mysql: ScratchDatabase): Promise<EventLog> =>
  openMysqlEventLog({ mysql, queueMax: 10_000, batchMax: 1_000, clock: systemClock, random: Math.random });
const reported = (index: number, seq: number) => ({
  conversationId: `g:${index % 7}` as ConversationId,
  userId: `user-${index % 11}` as UserId,
  deliveredSeq: seq as Seq,
  readSeq: 0 as Seq,
});

describeWith(['mysql'], 'the event log on MySQL', ({ mysql }) => {
  const scratch = new Scratch({ mysql });
  let database: ScratchDatabase;
  beforeAll(async () => {
    database = await scratch.database('events');
    await (await open(database)).close();
  });
  afterAll(() => scratch.remove());

  eventLogContract('mysql', async () => {
    await empty(database);
    let log = await open(database);
    return {
      log,
      async reopen() {
        await log.close();
        log = await open(database);
        return log;
      },
      remove: () => log.close(),
    };
  });

  describe('several processes', () => {
    beforeEach(() => empty(database));

    test('[W1] a reader that continues from its last page misses nothing of three concurrent writers', async () => {
      const [reader, ...writers] = await openMany(database, 4);
      const appended: string[] = [];
      let isDone = false;
      const writing = Promise.all(
        writers.map(async (writer) => {
          for (let round = 0; round < 40; round++) {
            const batch = events(1 + (round % 5));
            await writer.append({ events: batch });
            appended.push(...batch.map(({ id }) => id));
          }
        }),
      ).then(() => {
        isDone = true;
      });
      const read = await follow(reader, () => isDone);
      await writing;
      expect(read.map(({ position }) => position)).toEqual(appended.map((_, index) => index + 1));
      expect(read.map(({ id }) => id).toSorted()).toEqual(appended.toSorted());
      await closeAll([reader, ...writers]);
    }, 60_000);

    test('[W2] events that another process removes between two pages are reported as a gap', async () => {
      const [reader, writer] = await openMany(database, 2);
      const round = async () => {
        await writer.append({ events: events(5) });
        await writer.retain({ beforeMs: 0, bytesMax: 300 });
      };
      await round();
      let isDone = false;
      const writing = (async () => {
        for (let rounds = 1; rounds < 100; rounds++) await round();
        isDone = true;
      })();
      let [after, gaps] = [0, 0];
      for (let isAtEnd = false; !isDone || !isAtEnd; ) {
        const page = await reader.read({ after, limit: 3 });
        for (const { position } of page.events) {
          if (!page.hasGap) expect(position).toBe(after + 1);
          after = position;
        }
        if (page.hasGap) gaps++;
        else expect(page.position).toBe(after);
        after = page.position;
        ({ isAtEnd } = page);
      }
      await writing;
      expect(after).toBe(500);
      expect(gaps).toBeGreaterThan(0);
      await closeAll([reader, writer]);
    }, 60_000);

    test('[W1] events of another process end a wait', async () => {
      const [one, other] = await openMany(database, 2);
      const waiting = one.wait({ after: 0, signal: new AbortController().signal });
      await other.append({ events: events(1) });
      await waiting;
      await closeAll([one, other]);
    });

    test('[W1] the position of the feed moves from where this process saw it alone: one that was overtaken stores nothing', async () => {
      const [paused, next] = await openMany(database, 2);
      await paused.append({ events: [], feedPosition: 'e.1' as Position });
      expect(await next.feedPosition()).toBe('e.1' as Position);
      await next.append({ events: events(2), feedPosition: 'e.3' as Position });
      const late = paused.append({ events: events(1), feedPosition: 'e.2' as Position });
      expect(await rejectionOf(late)).toMatchObject({ name: 'FeedMoved', code: 'unavailable' });
      expect((await next.read({ after: 0, limit: 10 })).events).toHaveLength(2);
      expect(await paused.feedPosition()).toBe('e.3' as Position);
      await paused.append({ events: events(1), feedPosition: 'e.4' as Position });
      await closeAll([paused, next]);
    });

    test('[W4] an expired worker is not listed, another worker may claim its jobs, and its row is deleted later', async () => {
      const [one, other] = await openMany(database, 2);
      const own = { jobs: [workerJob('one'), sendJob('wh_1')], limit: 2 };
      await one.claim({ ...own, ttlMs: 200 });
      expect(await other.workers()).toEqual(['one']);
      expect(await other.claim({ jobs: [sendJob('wh_1')], limit: 1, ttlMs: 60_000 })).toEqual([]);
      await until(async () => (await other.workers()).length === 0);
      await other.claim({ jobs: [sendJob('wh_1')], limit: 1, ttlMs: 60_000 });
      const connection = await createConnection({ ...database });
      await connection.query("update claim set until_ms = until_ms - 3600000 where job = 'worker one'");
      await other.claim({ jobs: [workerJob('other')], limit: 1, ttlMs: 60_000 });
      const [rows] = await connection.query<RowDataPacket[]>('select job from claim order by job');
      expect(rows.map(({ job }) => job)).toEqual([sendJob('wh_1'), workerJob('other')]);
      await connection.end();
      await closeAll([one, other]);
    });

    test('[W7] positions that two processes record while two others append events have one event per move', async () => {
      const seed = testSeed('positions of several processes');
      const random = createRandom(seed);
      const logs = await openMany(database, 3);
      const noted = new Map<string, number>();
      for (let round = 0; round < 15; round++) {
        await Promise.all(
          logs.flatMap((log) => {
            const batch = Array.from({ length: 20 }, () =>
              reported(Math.floor(random() * 77), 1 + Math.floor(random() * 500)),
            );
            for (const { conversationId, userId, deliveredSeq } of batch) {
              const member = `${conversationId} ${userId}`;
              noted.set(member, Math.max(deliveredSeq, noted.get(member) ?? 0));
            }
            return [log.recordPositions(batch), log.appendPositionEvents({ atMs: round, limit: 5 })];
          }),
        );
      }
      while (await logs[0]?.appendPositionEvents({ atMs: 99, limit: 100 }));
      const told = new Map<string, number>();
      for (const { dataJson } of await follow(logs[0] ?? missing(), () => true)) {
        const { conversation_id, user_id, delivered_seq } = JSON.parse(dataJson);
        const member = `${conversation_id} ${user_id}`;
        expect(delivered_seq).toBeGreaterThan(told.get(member) ?? 0);
        told.set(member, delivered_seq);
      }
      expect(told).toEqual(noted);
      await closeAll(logs);
    }, 60_000);
  });
});

describeWith(['mysql'], 'the event log when its server dies', () => {
  test('[W1] acknowledged events are stored; other events are stored with their feed position, or not at all', async () => {
    const set = await ownServices({ parts: ['mysql'] });
    const scratch = new Scratch(set.addresses);
    const database = await scratch.database('events');
    const log = await open(database);
    const acknowledged: string[] = [];
    let last = 0;
    await log.feedPosition();
    const failing = rejectionOf(writeForEver());
    async function writeForEver(): Promise<never> {
      for (let number = 1; ; number++) {
        const batch = events(3);
        await log.append({ events: batch, feedPosition: `e.${number}` as Position });
        acknowledged.push(...batch.map(({ id }) => id));
        last = number;
      }
    }
    await Bun.sleep(300);
    await set.server('mariadb').kill();
    expect(await failing).toBeInstanceOf(StoreFailure);
    await set.server('mariadb').start();
    const stored = await follow(log, () => true);
    const position = Number((await log.feedPosition())?.slice(2));
    expect(position - last).toBeWithin(0, 2);
    expect(stored).toHaveLength(position * 3);
    expect(stored.slice(0, last * 3).map(({ id }) => id)).toEqual(acknowledged);
    await log.append({ events: [event()], feedPosition: 'e.next' as Position });
    await log.close();
    await set.down();
  }, 120_000);
});

describeWith(['mysql'], 'the event log where the server has a local time', () => {
  test('[W4] a claim lasts as long as it was made for also while the local time is set back from summer to winter', async () => {
    const { TZ } = process.env;
    process.env.TZ = 'CET-1CEST,M3.5.0,M10.5.0/3';
    const set = await ownServices({ parts: ['mysql'] }).finally(() => {
      if (TZ === undefined) delete process.env.TZ;
      else process.env.TZ = TZ;
    });
    const scratch = new Scratch(set.addresses);
    const database = await scratch.database('events');
    const admin = await createConnection({ ...set.addresses.mysql });
    const claimAt = async (atMs: number) => {
      await admin.query(`set global init_connect = 'set timestamp = ${atMs / 1000}'`);
      const log = await open(database);
      const claims = await log.claim({ jobs: [sendJob('wh_1')], limit: 1, ttlMs: 60_000 });
      await log.close();
      return claims.length;
    };
    try {
      await (await open(database)).close();
      const [[zone]] = await admin.query<RowDataPacket[]>('select @@system_time_zone name');
      expect(['CET', 'CEST']).toContain(zone?.name);
      // At 1:00 UTC it is 2:00 for the second time.
      const beforeMs = Date.UTC(2026, 9, 25, 0, 59, 30);
      expect(await claimAt(beforeMs)).toBe(1);
      expect(await claimAt(beforeMs + 50_000)).toBe(0);
      expect(await claimAt(beforeMs + 70_000)).toBe(1);
      expect(await claimAt(beforeMs + 120_000)).toBe(0);
    } finally {
      await admin.end();
      await set.down();
    }
  }, 120_000);
});

function openMany(database: ScratchDatabase, count: 2): Promise<[EventLog, EventLog]>;
function openMany(database: ScratchDatabase, count: number): Promise<[EventLog, ...EventLog[]]>;
async function openMany(database: ScratchDatabase, count: number): Promise<EventLog[]> {
  return Promise.all(Array.from({ length: count }, () => open(database)));
}

const closeAll = (logs: readonly EventLog[]) => Promise.all(logs.map((log) => log.close()));

function missing(): never {
  throw new Error('no log was opened');
}

/** Reads forward alone until the writers are done and nothing is left. */
async function follow(log: EventLog, isDone: () => boolean): Promise<readonly (NewEvent & { position: number })[]> {
  const read: (NewEvent & { position: number })[] = [];
  for (let after = 0; ; ) {
    const wasDone = isDone();
    const page = await log.read({ after, limit: 7 });
    read.push(...page.events);
    after = page.position;
    if (page.isAtEnd && wasDone) return read;
  }
}

/** Deleting rows is quicker than making tables. */
async function empty(database: ScratchDatabase): Promise<void> {
  const connection = await createConnection({ ...database });
  for (const table of ['log', 'event', 'member_position', 'online', 'endpoint', 'claim', 'parked', 'attempt', 'dead'])
    await connection.query(`delete from ${table}`);
  await connection.end();
}
