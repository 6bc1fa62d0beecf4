// The contract of the directory. Each adapter's test file runs it.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { Directory } from '../directory.ts';
import {
  advance,
  conversation,
  conversationOf,
  type DirectoryUnderTest,
  group,
  newUser,
  receiptsOf,
  seq,
  user,
} from './builders.ts';
import {
  conversationListContract,
  conversationsContract,
  membersContract,
  ownersContract,
} from './contract-conversations.ts';
import { privateContract } from './contract-private.ts';
import { receiptsContract } from './contract-receipts.ts';
import { searchContract, usersContract } from './contract-users.ts';
import { positionProperties } from './properties.ts';

export function directoryContract(name: string, make: () => Promise<DirectoryUnderTest>): void {
  describe(name, () => {
    let made: DirectoryUnderTest;
    let directory: Directory;
    beforeEach(async () => {
      made = await make();
      directory = made.directory;
    });
    afterEach(() => made.remove());
    const current = () => directory;

    describe('users', () => usersContract(current));
    describe('search', () => searchContract(current));
    describe('conversations', () => conversationsContract(current));
    describe('the list of conversations', () => conversationListContract(current));
    describe('members', () => membersContract(current));
    describe('owners', () => ownersContract(current));
    describe('receipts', () => receiptsContract(current));
    describe('private states', () => privateContract(current));
    positionProperties(make);

    test('[D1] all data survives a reopen', async () => {
      await directory.createUser(newUser('ann', 'Ann Lee'));
      await directory.createConversation(group('g:1', ['ann', 'bob']));
      await directory.advanceReceipts([advance({ deliveredSeq: seq(7), readSeq: seq(4) })]);
      const before = await everything(directory);
      directory = await made.reopen();
      expect(await everything(directory)).toEqual(before);
    });

    test('[D1] a read sees every write that resolved before it; of writes at once each takes effect as a whole', async () => {
      await directory.createConversation(group('g:1', ['ann']));
      const update = (title: string, post: 'admins' | 'members') =>
        directory.updateConversation({ conversationId: conversation('g:1'), title, rules: { post } });
      await update('first', 'members');
      expect((await conversationOf(directory, 'g:1'))?.title).toBe('first');
      const titles = Array.from({ length: 20 }, (_, index) => `title ${index}`);
      await Promise.all(titles.map((title, index) => update(title, index % 2 === 0 ? 'admins' : 'members')));
      const record = await conversationOf(directory, 'g:1');
      const winner = titles.indexOf(record?.title ?? '');
      expect(winner).not.toBe(-1);
      expect(record?.rules.post).toBe(winner % 2 === 0 ? 'admins' : 'members');
    });
  });
}

async function everything(directory: Directory) {
  return {
    users: await directory.getUsers([user('ann')]),
    found: await directory.searchUsers({ query: 'lee', limit: 10 }),
    hash: await directory.getPasswordHash(user('ann')),
    conversation: await conversationOf(directory, 'g:1'),
    members: await directory.members({ conversationId: conversation('g:1'), limit: 10 }),
    receipts: await receiptsOf(directory, 'ann'),
  };
}
