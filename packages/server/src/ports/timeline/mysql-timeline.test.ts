import { afterAll, beforeAll } from 'bun:test';
import { describeWith } from '@hongyan/testing/services';
import { TimelineDatabase } from './mysql/testing/timeline-database.ts';
import type { MysqlTimelineStore } from './mysql-timeline.ts';
import { timelineContract } from './testing/contract.ts';
import { sharedTimelineContract } from './testing/shared-contract.ts';
import type { TimelineUnderTest } from './testing/under-test.ts';
import type { NewEntry } from './timeline.ts';

const runs = { propertyRuns: 8 };

describeWith(['mysql'], 'a timeline in MySQL', (addresses) => {
  let database: TimelineDatabase;
  beforeAll(async () => {
    database = await TimelineDatabase.make(addresses);
  });
  afterAll(() => database.remove());

  timelineContract('with one writer', () => underTest(database, async () => {}), runs);
  timelineContract('with the owner of several partitions', () => underTest(database, takePartitionsInTurn), runs);
  sharedTimelineContract(async () => {
    await database.empty();
    return { open: () => database.open(), remove: () => database.closeAll() };
  });
});

async function underTest(
  database: TimelineDatabase,
  prepare: (timeline: MysqlTimelineStore) => Promise<void>,
): Promise<TimelineUnderTest> {
  const open = async () => {
    const timeline = await database.open();
    await prepare(timeline);
    return { timeline, feed: timeline.feed };
  };
  await database.empty();
  return {
    ...(await open()),
    async reopen() {
      await database.closeAll();
      return open();
    },
    remove: () => database.closeAll(),
  };
}

/** An append without another one in flight belongs to the next of three partitions, so that conversations are in different shards. */
async function takePartitionsInTurn(timeline: MysqlTimelineStore): Promise<void> {
  const owned = await Promise.all([0, 1, 2].map((partition) => timeline.claim(partition)));
  const append = timeline.append.bind(timeline);
  let underWay = 0;
  let turn = 0;
  Object.assign(timeline, {
    async append(batch: readonly NewEntry[]) {
      if (underWay++ === 0) turn++;
      try {
        return await append(batch, owned[turn % owned.length]);
      } finally {
        underWay--;
      }
    },
  });
}
