// The search for a client_msg_id whose sender is unknown.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { ClientMsgId } from '@hongyan/protocol/ids';
import { rejectionOf } from '@hongyan/testing/rejection';
import { describeWith } from '@hongyan/testing/services';
import type { MysqlTimelineStore } from '../mysql-timeline.ts';
import { entry } from '../testing/entries.ts';
import { findByKeyOfAnyone } from './key-search.ts';
import { TimelineDatabase } from './testing/timeline-database.ts';

describeWith(['mysql'], 'the search for a key of anyone', (addresses) => {
  let database: TimelineDatabase;
  let timeline: MysqlTimelineStore;
  beforeAll(async () => {
    database = await TimelineDatabase.make(addresses);
    timeline = await database.open();
    const senders = ['ann', 'ben', 'cid'];
    await timeline.append(senders.flatMap((from) => [1, 2, 3].map((n) => entry({ from, key: `${from}-${n}` }))));
    // Includes an entry that changes a message, and keys with the same ending.
    await timeline.append([
      entry({ from: 'ann', key: 'same' }),
      entry({ from: 'cid', key: 'same', target: { seq: 1 } }),
      entry({ from: 'ben', key: 'not the same' }),
    ]);
  });
  afterAll(() => database.remove());

  const find = async (key: string, pieceMax: number, keysMax = 100) =>
    (await findByKeyOfAnyone(timeline.pool, key as ClientMsgId, { pieceMax, keysMax })).map(({ from }) => `${from}`);

  test('finds the entries of every sender, however many keys a statement looks at', async () => {
    for (const pieceMax of [1, 5, 12, 100]) expect((await find('same', pieceMax)).sort()).toEqual(['ann', 'cid']);
    expect(await find('ben-2', 2)).toEqual(['ben']);
    expect(await find('nobody', 2)).toEqual([]);
    expect((await timeline.findAllByClientMsgId('same' as ClientMsgId)).length).toBe(2);
  });

  test('fails at its bound with a message that says what to do', async () => {
    expect(String(await rejectionOf(find('nobody', 2, 6)))).toContain('name its sender');
  });
});
