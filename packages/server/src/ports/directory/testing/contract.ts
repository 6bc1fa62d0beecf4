// What every directory must do, whatever keeps it: run by each adapter's test file.

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
import { conversationsContract, membersContract, ownersContract } from './contract-conversations.ts';
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
    describe('members', () => membersContract(current));
    describe('owners', () => ownersContract(current));
    describe('receipts', () => receiptsContract(current));
    describe('private states', () => privateContract(current));
    positionProperties(make);

    test('[D1] everything is there after it was closed and opened again', async () => {
      await directory.createUser(newUser('ann', 'Ann Lee'));
      await directory.createConversation(group('g:1', ['ann', 'bob']));
      await directory.advanceReceipts([advance({ deliveredSeq: seq(7), readSeq: seq(4) })]);
      const before = await everything(directory);
      directory = await made.reopen();
      expect(await everything(directory)).toEqual(before);
    });

    test('[D1] a read sees every write that resolved before it, and writes take effect in the order of their calls', async () => {
      const writes = [
        directory.createConversation(group('g:1', ['ann'])),
        directory.updateConversation({ conversationId: conversation('g:1'), title: 'first' }),
        directory.updateConversation({ conversationId: conversation('g:1'), title: 'second' }),
      ];
      await Promise.all(writes);
      expect((await conversationOf(directory, 'g:1'))?.title).toBe('second');
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
