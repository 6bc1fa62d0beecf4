// Changes by other cores invalidate the cached memberships.

import { expect, test } from 'bun:test';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import { defaultRules } from '../../domain/membership.ts';
import type { ConversationRecord, MemberKey, MemberRecord } from '../../ports/directory/conversations.ts';
import type { Directory } from '../../ports/directory/directory.ts';
import { conversationTopic, coresTopic } from '../../ports/event-bus/event-bus.ts';
import { MemoryEventBus } from '../../ports/event-bus/memory-event-bus.ts';
import { CoreNews } from './core-news.ts';
import { MembershipCache } from './membership-cache.ts';

const conversationId = 'g:1' as ConversationId;
const [ann, bob] = ['ann' as UserId, 'bob' as UserId];

/** A group of ann and bob, as another core may change it. */
class GroupDirectory {
  readonly memberIds = new Set<UserId>([ann, bob]);
  title = 'before';
  reads = 0;

  async getConversations(): Promise<ReadonlyMap<ConversationId, ConversationRecord>> {
    this.reads++;
    const record: ConversationRecord = {
      ...{ conversationId, kind: 'group', title: this.title, memberCount: this.memberIds.size },
      ...{ createdAtMs: 1, isHistoryVisible: true, rules: defaultRules('group') },
    };
    return new Map([[conversationId, record]]);
  }

  async getMembers(keys: readonly MemberKey[]): Promise<readonly (MemberRecord | undefined)[]> {
    const none = 0 as Seq;
    return keys.map(({ userId }) =>
      this.memberIds.has(userId)
        ? {
            ...{ conversationId, userId, role: 'member', visibleFromSeq: 1 as Seq, updatedAtMs: 1 },
            ...{ deliveredSeq: none, readSeq: none, sentSeq: none },
          }
        : undefined,
    );
  }
}

async function start() {
  const directory = new GroupDirectory();
  const bus = new MemoryEventBus();
  const memberships = new MembershipCache(directory as Partial<Directory> as Directory, { ageMsMax: 30_000 });
  const news = new CoreNews(bus, memberships);
  await news.follow();
  const title = async (userId: UserId) => (await memberships.get(conversationId, userId))?.conversation.title;
  expect([await title(ann), await title(bob)]).toEqual(['before', 'before']);
  return { directory, bus, memberships, news, title };
}

test('[N5] a removal and a new title by another core take effect here', async () => {
  const { directory, bus, title } = await start();
  directory.memberIds.delete(bob);
  directory.title = 'after';
  await bus.publish([{ type: 'members_changed', topic: coresTopic, conversationId, userIds: [bob] }]);
  expect([await title(ann), await title(bob)]).toEqual(['after', undefined]);
});

test('[N5] a read that began before the change is not cached', async () => {
  const { directory, bus, memberships, title } = await start();
  memberships.forgetAll();
  const reading = title(bob);
  directory.memberIds.delete(bob);
  await bus.publish([{ type: 'members_changed', topic: coresTopic, conversationId, userIds: [bob] }]);
  await reading;
  expect(await title(bob)).toBeUndefined();
});

test('[N5] after a possible loss nothing is answered from the cache; a loss of another topic has no effect', async () => {
  const { directory, bus, title } = await start();
  directory.memberIds.delete(bob);
  const before = directory.reads;
  bus.reportLoss([conversationTopic(conversationId)]);
  expect(await title(bob)).toBe('before');
  expect(directory.reads).toBe(before);
  bus.reportLoss([coresTopic]);
  expect(await title(bob)).toBeUndefined();
});

test('after stop it receives nothing', async () => {
  const { directory, bus, news, title } = await start();
  news.stop();
  directory.title = 'after';
  await bus.publish([{ type: 'members_changed', topic: coresTopic, conversationId, userIds: [] }]);
  expect(await title(ann)).toBe('before');
});
