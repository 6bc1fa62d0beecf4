import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'bun:test';
import { type Clock, systemClock } from '@hongyan/base/clock';
import { type Log, silentLog } from '@hongyan/base/log';
import { rejectionOf } from '@hongyan/testing/rejection';
import { describeWith, ownServices } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import { MysqlRefusal } from '../../../adapters/mysql/failure.ts';
import { roundTripsOf } from '../../../adapters/mysql/testing/round-trips.ts';
import { Fenced } from '../../../domain/fence.ts';
import { Metrics } from '../../../metrics/metrics.ts';
import { StoreMeter } from '../../../metrics/store-meter.ts';
import type { MysqlTimelineStore } from '../mysql-timeline.ts';
import {
  allOf,
  change,
  conversation,
  entries,
  entry,
  erasure,
  historyOf,
  inMonth,
  outcomes,
  seq,
  seqsOf,
  startOf,
  user,
} from '../testing/entries.ts';
import { partitionedTables } from './schema.ts';
import { TimelineDatabase } from './testing/timeline-database.ts';

const hourMs = 3_600_000;

describeWith(['mysql'], 'the tables of the timeline in MySQL', (addresses) => {
  let database: TimelineDatabase;
  let timeline: MysqlTimelineStore;
  beforeAll(async () => {
    database = await TimelineDatabase.make(addresses);
  });
  afterAll(() => database.remove());
  beforeEach(async () => {
    await database.empty();
    timeline = await database.open();
  });
  afterEach(() => database.closeAll());

  const months = async (table: string): Promise<string[]> => {
    const rows = await timeline.pool.read<{ name: string }>(
      `select partition_name name from information_schema.partitions
       where table_schema = database() and table_name = ? order by partition_ordinal_position`,
      [table],
    );
    return rows.map(({ name }) => name);
  };
  const count = async (from: string): Promise<number> =>
    (await timeline.pool.read<{ n: number }>(`select count(*) n from ${from}`))[0]?.n ?? 0;

  test('[M18] a month has its partition before it begins, and retention drops partitions', async () => {
    await timeline.append(entries(2, { atMs: inMonth(40) }));
    for (const table of partitionedTables) await until(async () => (await months(table)).includes('p202906'));
    await timeline.append([entry({ atMs: inMonth(41) })]);
    await timeline.retain({ fromMs: startOf(41) });
    for (const table of partitionedTables) {
      expect(await months(table)).toContain('p0');
      expect(await months(table)).not.toContain('p202905');
      expect(await months(table)).toContain('p202906');
    }
    expect(await count('entry')).toBe(1);
  });

  test('[M18] retention removes nothing while the clocks of the process and of the database differ', async () => {
    await timeline.append(entries(2));
    await timeline.append(entries(1, { atMs: inMonth(1) }));
    const dayMs = 86_400_000;
    for (const aheadMs of [62 * dayMs, 2 * hourMs, -2 * hourMs]) {
      const said: unknown[] = [];
      const log: Log = { ...silentLog, error: (message, fields) => said.push({ message, ...fields }) };
      const clock: Clock = { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs };
      await (await database.open({}, { clock, log })).retain({ fromMs: startOf(1) });
      expect(seqsOf(await allOf(timeline))).toEqual([1, 2, 3]);
      expect(said).toEqual([{ message: expect.stringContaining('clock'), aheadMs: expect.any(Number) }]);
    }
  });

  test('[M18] retention uses the clock of the database when that of the process is a little ahead', async () => {
    await timeline.append(entries(2));
    await timeline.append(entries(1, { atMs: inMonth(1) }));
    const clock: Clock = { ...systemClock, nowMs: () => systemClock.nowMs() + hourMs / 2 };
    const ahead = await database.open({}, { clock });
    await ahead.retain({ fromMs: startOf(1) });
    expect(seqsOf(await allOf(timeline))).toEqual([1, 2, 3]);
    await ahead.retain({ fromMs: startOf(1) + hourMs });
    expect(seqsOf(await allOf(timeline))).toEqual([3]);
  });

  test('[M18, D3] retention deletes the keys and the segments of removed entries, and no others', async () => {
    await timeline.append([...entries(30), ...entries(30, { in: 'g:2' })]);
    await timeline.append(entries(7, { atMs: inMonth(1) }));
    expect([await count('message_key'), await count('segment')]).toEqual([67, 3]);
    await timeline.retain({ fromMs: startOf(1) });
    expect([await count('message_key'), await count('segment')]).toEqual([7, 1]);
  });

  test('an entry that is years after all others is rejected', async () => {
    await timeline.append([entry()]);
    const late = entry({ atMs: Date.UTC(2300, 1) });
    expect(await rejectionOf(timeline.append([late]))).toMatchObject({ message: expect.stringContaining('clocks') });
    expect(outcomes(await timeline.append([entry()]))).toEqual(['committed 2']);
  });

  test('[E5] no row contains an erased text', async () => {
    const text = 'to-be-erased';
    const content = JSON.stringify({ type: 'text', text });
    await timeline.append([entry({ content, mentioned: ['bob'] }), entry()]);
    await timeline.append([change(1, { content, state: content, atMs: inMonth(1) })]);
    await timeline.append([erasure(1, { atMs: inMonth(2) })]);
    for (const table of ['entry', 'entry_change']) {
      expect(await count(`${table} where content like '%${text}%' or refs is not null`)).toBe(0);
    }
    expect(await count(`message_state where state like '%${text}%'`)).toBe(0);
    expect(await count('mention')).toBe(0);
  });

  test('[M11] connections in use, waiting callers and their waiting times are measured', async () => {
    const metrics = new Metrics({ process: 'core' });
    const one = await database.open({ connectionsMax: 1 }, { meter: new StoreMeter(metrics, 'timeline') });
    const reading = async (name: string, labels: object) => {
      const family = (await metrics.collect()).find((each) => each.name === name);
      const found = family?.values.find((each) =>
        Object.entries(labels).every(([key, value]) => each.labels[key] === value),
      );
      return found?.value;
    };
    const ended = Promise.withResolvers<void>();
    const holding = one.pool.use(() => ended.promise);
    const waiting = one.check();
    expect(await reading('hongyan_connections_in_use', { store: 'timeline' })).toBe(1);
    expect(await reading('hongyan_queue_depth', { queue: 'timeline_connections' })).toBe(1);
    ended.resolve();
    await Promise.all([holding, waiting]);
    await one.append(entries(3));
    expect(await reading('hongyan_connection_wait_seconds', { le: '+Inf' })).toBeGreaterThanOrEqual(4);
    expect(await reading('hongyan_batch_size', { le: '5' })).toBe(1);
    expect(await reading('hongyan_connections_in_use', { store: 'timeline' })).toBe(0);
  });

  test('[F1] a commit of an owner whose partition has a newer one is no failure of the database, and others are', async () => {
    const meter = new StoreMeter(new Metrics({ process: 'core' }), 'timeline');
    const one = await database.open({}, { meter });
    const older = await one.claim(7);
    await one.claim(7);
    expect(await rejectionOf(one.append(entries(1), older))).toBeInstanceOf(Fenced);
    expect(meter.lastFailure).toBeUndefined();
    expect(await rejectionOf(one.append([change(100)]))).toBeInstanceOf(Error);
    expect(meter.lastFailure).toBeDefined();
  });

  test('a batch is the same number of statements however many entries it has, and so is a read of a page', async () => {
    const one = await database.open({ connectionsMax: 1 });
    const statements = async (work: () => Promise<unknown>): Promise<number> => {
      const read = async () =>
        (await one.pool.read<{ Value: string }>("show session status like 'Questions'"))[0]?.Value;
      const before = Number(await read());
      await work();
      return Number(await read()) - before - 1;
    };
    const ids = Array.from({ length: 200 }, (_, index) => conversation(`g:${index}`));
    const batch = (size: number) => [
      ...ids.slice(0, size).flatMap((id) => [entry({ in: id, mentioned: ['ann', 'bob'] }), entry({ in: id })]),
      ...ids.slice(0, size).flatMap((id) => [change(1, { in: id }), erasure(1, { in: id })]),
    ];
    await one.append(batch(200));
    expect(await statements(() => one.append(batch(200)))).toBe(await statements(() => one.append(batch(1))));
    const places = ids.map((conversationId) => ({ conversationId, seq: seq(2), userId: user('ann') }));
    const ranges = ids.map((conversationId) => ({ conversationId, fromSeq: seq(1), throughSeq: seq(9) }));
    const since = await timeline.position();
    const reads: ((some: number) => Promise<unknown>)[] = [
      (some) => one.heads(ids.slice(0, some)),
      (some) => one.lastCounted(ids.slice(0, some)),
      (some) => one.messagesAt(places.slice(0, some)),
      (some) => one.states(ranges.slice(0, some)),
      (some) => one.countAfter(places.slice(0, some)),
      (some) => one.mentionsAfter(places.slice(0, some)),
      (some) => one.changedSince(since, ids.slice(0, some)),
      (some) => one.range({ conversationId: conversation('g:0'), afterSeq: seq(0), limit: some }),
    ];
    // The numbers of the conversations, which are read once.
    await one.messagesAt(places);
    for (const read of reads) expect(await statements(() => read(200))).toBe(await statements(() => read(1)));
  });

  test('a page that is bounded in bytes fetches few rows that it does not take, and short ones in few statements', async () => {
    const ranged = async (limit: number) => {
      const request = { conversationId: conversation('g:1'), beforeSeq: seq(1_000), limit, bytesMax: 256 * 1024 };
      const bytesOf = async () => {
        const rows = await one.pool.read<{ Value: string }>("show session status like 'Bytes_sent'");
        return Number(rows[0]?.Value);
      };
      const before = await bytesOf();
      let taken = 0;
      const sent = await roundTripsOf(async () => {
        taken = (await one.range(request)).entries.length;
      });
      return { taken, statements: sent.length, bytes: (await bytesOf()) - before };
    };
    const one = await database.open({ connectionsMax: 1 });
    await one.append(entries(150));
    await one.range({ conversationId: conversation('g:1'), afterSeq: seq(0), limit: 1 });
    expect(await ranged(10)).toMatchObject({ taken: 10, statements: 1 });
    expect(await ranged(50)).toMatchObject({ taken: 50, statements: 2 });
    expect(await ranged(100)).toMatchObject({ taken: 100, statements: 3 });
    const long = JSON.stringify({ type: 'text', text: 'x'.repeat(32_000) });
    for (let batch = 0; batch < 5; batch++) await one.append(entries(20, { content: long }));
    const page = await ranged(200);
    expect(page).toMatchObject({ taken: 8, statements: 1 });
    expect(page.bytes).toBeLessThan(3 * 256 * 1024);
  });

  test('[D1] appends to a head that a partial restore set back are rejected, and no message is taken for another', async () => {
    await timeline.append(entries(2));
    await timeline.pool.write('update conversation set last_seq = 1, last_count = 1');
    expect(await rejectionOf(timeline.append([entry()]))).toBeInstanceOf(MysqlRefusal);
    expect([await count('entry'), await count('message_key')]).toEqual([2, 2]);
  });

  test('a batch of messages is three round trips, also where conversations stayed in the shard of a former partition', async () => {
    const [former, present] = [await timeline.claim(3), await timeline.claim(4)];
    await timeline.append(entries(2), { ...former, offset: 1 });
    const append = (offset: number) => timeline.append(entries(2), { ...present, offset });
    const ways = [
      await roundTripsOf(() => append(1)),
      await roundTripsOf(() => append(2)),
      await roundTripsOf(() => timeline.append(entries(2), { ...former, offset: 2 })),
    ];
    // The first time the shard is found in the row.
    expect(ways.map((sent) => sent.length)).toEqual([4, 3, 3]);
    expect(outcomes(await append(3))).toEqual(['committed 9', 'committed 10']);
    const shards = await timeline.pool.read('select no, last_commit from shard where last_commit > 0');
    expect(shards).toEqual([{ no: 3, last_commit: 10 }]);
    expect(await timeline.claim(4)).toMatchObject({ offset: 3 });
  });
});

describeWith(['mysql'], 'the timeline when the database dies', () => {
  test('[D1, D3] acknowledged entries survive kill -9; the others are sent again and take effect once', async () => {
    const set = await ownServices({ parts: ['mysql'] });
    const server = set.server('mariadb');
    const database = await TimelineDatabase.make(set.addresses);
    const timeline = await database.open({ queryTimeoutMs: 2_000 });
    try {
      const sent = Array.from({ length: 200 }, () => entries(5));
      const acknowledged = Promise.allSettled(sent.map((batch) => timeline.append(batch)));
      await until(async () => (await timeline.heads([conversation('g:1')]))[0]?.lastSeq !== 0);
      await server.kill();
      const settled = await acknowledged;
      expect(settled.some(({ status }) => status === 'rejected')).toBe(true);
      for (const result of settled)
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ name: 'StoreFailure' });
      await server.start();
      await until(async () => (await rejectionOf(timeline.check())) === undefined);
      const kept = new Set((await allOf(timeline)).entries.map(({ msgId }) => msgId));
      for (const [index, { status }] of settled.entries())
        if (status === 'fulfilled') for (const { msgId } of sent[index] ?? []) expect(kept).toContain(msgId);
      for (const batch of sent) await timeline.append(batch);
      const history = await historyOf(timeline);
      expect(history.map((each) => Number(each.seq))).toEqual(Array.from({ length: 1_000 }, (_, index) => index + 1));
      expect(new Set(history.map(({ msgId }) => msgId)).size).toBe(1_000);
    } finally {
      await timeline.close();
      await set.down();
    }
  }, 120_000);
});
