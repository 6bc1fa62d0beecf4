// How batches are cut: fair turns, order, and a position that never passes a command that is not done.

import { expect, test } from 'bun:test';
import type { ClientMsgId, ConversationId, UserId } from '@hongyan/protocol/ids';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { FairWindow, type LoggedCommand } from './fair-window.ts';

const key = { conversationId: 'g:1' as ConversationId, node: 'n', id: '' };
const messageOf = (from: string, offset: number): LoggedCommand => ({
  ...{ node: 'n', id: String(offset), offset },
  command: {
    ...{ type: 'message', conversationId: key.conversationId, from: from as UserId, contentJson: '{}' },
    clientMsgId: String(offset) as ClientMsgId,
  },
});
const changeOf = (from: string, offset: number): LoggedCommand => ({
  ...{ node: 'n', id: String(offset), offset },
  command: { type: 'update', conversationId: key.conversationId, from: from as UserId, title: 'x' },
});

test('[K7] a user with many commands leaves room for others, and the position waits for the first one not done', () => {
  const window = new FairWindow({ batchMax: 10, batchPerUserMax: 2 }, 0);
  const all = [...Array.from({ length: 5 }, (_, offset) => messageOf('ann', offset)), messageOf('bob', 5)];
  window.add(all, 6);
  expect(window.takeBatch().map(({ offset }) => offset)).toEqual([0, 1, 5]);
  expect(window.offset).toBe(2);
  expect(window.takeBatch().map(({ offset }) => offset)).toEqual([2, 3]);
  expect(window.takeBatch().map(({ offset }) => offset)).toEqual([4]);
  expect(window.offset).toBe(6);
});

test('[K9] the position passes records that are not commands', () => {
  const window = new FairWindow({ batchMax: 10, batchPerUserMax: 10 }, 3);
  expect(window.offset).toBe(3);
  window.add([], 5);
  expect(window.offset).toBe(5);
});

test('[K7] [property] each command comes once, each user in order, changes in batches of their own, the position before all remaining commands', () => {
  const random = createRandom(testSeed('fair window'));
  for (let round = 0; round < 200; round++) {
    const bounds = { batchMax: 1 + Math.floor(random() * 8), batchPerUserMax: 1 + Math.floor(random() * 4) };
    const window = new FairWindow(bounds, 0);
    const given: LoggedCommand[] = [];
    const done: LoggedCommand[] = [];
    while (given.length < 60 || window.size > 0) {
      const isGiven = given.length < 60 && random() < 0.6;
      if (isGiven) {
        const offset = given.length;
        const from = `user${Math.floor(random() * 3)}`;
        const next = random() < 0.1 ? changeOf(from, offset) : messageOf(from, offset);
        given.push(next);
        window.add([next], offset + 1);
        continue;
      }
      const batch = window.takeBatch();
      const changes = batch.filter(({ command }) => command.type === 'update');
      expect(batch.length).toBeLessThanOrEqual(changes.length > 0 ? 1 : bounds.batchMax);
      for (const change of changes)
        expect(done.filter(({ offset }) => offset < change.offset)).toHaveLength(change.offset);
      done.push(...batch);
      const left = given.filter((each) => !done.includes(each));
      expect(window.offset).toBe(left[0]?.offset ?? given.length);
    }
    expect(new Set(done).size).toBe(given.length);
    for (const from of ['user0', 'user1', 'user2']) {
      const own = done.filter(({ command }) => command.from === from).map(({ offset }) => offset);
      expect(own).toEqual(own.toSorted((a, b) => a - b));
    }
  }
});
