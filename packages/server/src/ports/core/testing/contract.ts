// What the core must do for a gateway, wherever it runs: run with a direct call and over the link.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { Content } from '@hongyan/protocol/entry';
import type { ClientMsgId, ConversationId, DeviceId, Seq, UserId } from '@hongyan/protocol/ids';
import { type BusEvent, conversationTopic, type EventBus, type Topic, userTopic } from '../../event-bus/event-bus.ts';
import type { Actor, Core, Outcome } from '../core.ts';

export interface CoreUnderTest {
  /** Both as a gateway has them; the core behind is fresh and real. */
  readonly core: Core;
  readonly bus: EventBus;
  /** Resolves when every subscription and event up to now has taken effect. */
  settle(): Promise<void>;
  remove(): Promise<void>;
}

export const user = (id: string): UserId => id as UserId;
export const actor = (userId: string, deviceId = 'phone'): Actor => ({
  userId: user(userId),
  deviceId: deviceId as DeviceId,
});
const seq = (value: number): Seq => value as Seq;
const direct = 'd:ann:bob' as ConversationId;
const password = 'correct horse battery';

function accepted<T>(outcome: Outcome<T>): T {
  if (outcome.type === 'refused') throw new Error(`refused: ${outcome.code} ${outcome.message}`);
  return outcome.value;
}
export const codeOf = (outcome: Outcome<unknown>): string => (outcome.type === 'refused' ? outcome.code : 'ok');

export interface CoreTools {
  made(): CoreUnderTest;
  say(clientMsgId: string, content?: Content, from?: string): ReturnType<Core['send']>;
  group(...members: readonly string[]): Promise<ConversationId>;
}

export function coreContract(name: string, make: () => Promise<CoreUnderTest>): void {
  describe(name, () => {
    let under: CoreUnderTest;
    beforeEach(async () => {
      under = await make();
      const ids = ['ann', 'bob', 'cat'].map(user);
      for (const made of await Promise.all(ids.map((userId) => under.core.signup({ userId, password }))))
        accepted(made);
    });
    afterEach(() => under.remove());
    const tools: CoreTools = {
      made: () => under,
      say: (clientMsgId, content = { type: 'text', text: 'x' }, from = 'ann') =>
        under.core.send({
          from: user(from),
          conversationId: direct,
          clientMsgId: clientMsgId as ClientMsgId,
          content,
        }),
      async group(...members) {
        const command = { kind: 'group', creator: user('ann'), title: 'group', members: members.map(user) } as const;
        return accepted(await under.core.createConversation(command)).conversation_id;
      },
    };
    describe('sending', () => sending(tools));
    describe('reading', () => reading(tools));
    describe('conversations', () => conversations(tools));
    describe('sessions', () => sessions(tools));
    describe('accounts', () => accounts(tools));
  });
}

function sending({ made, say }: CoreTools): void {
  test('[D2][D3] sends are answered in the order asked, and a repeated one with the first answer', async () => {
    const keys = Array.from({ length: 300 }, (_, index) => `k${index}`);
    const all = (await Promise.all(keys.map((key) => say(key)))).map(accepted);
    expect(all.map((committed) => committed.seq)).toEqual(keys.map((_key, index) => seq(index + 1)));
    const [first] = all;
    expect(first).toMatchObject({ conversationId: direct, isDuplicate: false });
    expect(first?.timestampMs).toBeGreaterThan(1.6e12);
    expect(accepted(await say('k0', { type: 'text', text: 'other' }))).toEqual({
      ...first,
      isDuplicate: true,
    } as never);
  });

  test('a send names a user or a conversation, and is refused with the reason', async () => {
    const base = { from: user('ann'), clientMsgId: 'k' as ClientMsgId, content: { type: 'text', text: 'x' } };
    const { core } = made();
    expect(codeOf(await core.send({ ...base, to: user('nobody') }))).toBe('not_found');
    expect(codeOf(await core.send(base))).toBe('bad_request');
    expect(codeOf(await core.send({ ...base, to: user('bob'), conversationId: direct }))).toBe('bad_request');
    expect(codeOf(await core.send({ ...base, conversationId: 'd:bob:cat' as ConversationId }))).toBe('not_member');
    expect(codeOf(await say('big', { type: 'text', text: 'x'.repeat(100_000) }))).toBe('too_large');
    expect(codeOf(await say('forged', { type: 'hongyan.created' }))).toBe('forbidden');
    expect(accepted(await core.send({ ...base, to: user('bob') }))).toMatchObject({ conversationId: direct, seq: 1 });
  });

  test('[D3] a key that has no UTF-8 is refused, not changed into another', async () => {
    expect(codeOf(await say('a\ud800'))).toBe('bad_request');
    expect(codeOf(await say('a\ufffd'))).toBe('ok');
  });

  test('a content comes back as it was given, whatever it holds', async () => {
    const content = { type: 'x', text: '鸿雁 👩‍👩‍👧 \u0000\u2028"\\', n: [1.5, -0, null, true, { deep: {} }], '': '' };
    accepted(await say('k', content));
    const page = accepted(await made().core.history({ userId: user('bob'), conversationId: direct }));
    expect(page.entries[0]?.content).toEqual(JSON.parse(JSON.stringify(content)));
  });
}

function reading({ made, say }: CoreTools): void {
  test('history and sync tell what was sent, page by page, without what was not asked', async () => {
    for (let index = 1; index <= 5; index++) accepted(await say(`k${index}`));
    const { core } = made();
    const request = { userId: user('bob'), conversationId: direct };
    const page = accepted(await core.history({ ...request, afterSeq: seq(1), beforeSeq: undefined, limit: 2 }));
    expect(page.entries.map((entry) => entry.seq)).toEqual([seq(2), seq(3)]);
    expect(page).toMatchObject({ first_seq: 1, last_seq: 5, has_more: true });
    const synced = accepted(await core.sync({ actor: actor('bob') }));
    expect(synced.conversations).toMatchObject([{ conversation_id: direct, last_seq: 5, unread: 5 }]);
    expect(synced.hasMore).toBe(false);
    expect(codeOf(await core.history({ ...request, userId: user('cat') }))).toBe('not_member');
  });

  test('[D6] where a message is, by its id and by its key', async () => {
    const { msgId } = accepted(await say('k1'));
    const { core } = made();
    const where = accepted(await core.whereIs(user('ann'), { msgId }));
    expect(where).toMatchObject({ status: 'ack', message: { msg_id: msgId, client_msg_id: 'k1' } });
    expect(accepted(await core.whereIs(user('ann'), { clientMsgId: 'k1' as ClientMsgId }))).toEqual(where);
    expect(codeOf(await core.whereIs(user('cat'), { msgId }))).toBe('not_found');
  });

  test('[D7] positions move, and beyond the last seq they are refused', async () => {
    accepted(await say('k1'));
    const { core } = made();
    const at = (deliveredSeq: number, readSeq: number) =>
      core.advance({
        actor: actor('bob'),
        conversationId: direct,
        deliveredSeq: seq(deliveredSeq),
        readSeq: seq(readSeq),
      });
    expect(await at(1, 1)).toEqual({ type: 'ok', value: undefined });
    expect(codeOf(await at(2, 0))).toBe('bad_request');
    expect(codeOf(await at(2 ** 53 - 1, 0))).toBe('bad_request');
    expect(accepted(await core.getConversation(user('bob'), direct))).toMatchObject({ read_seq: 1, unread: 0 });
  });
}

function conversations({ made, group }: CoreTools): void {
  test('a group is made, named, joined and left', async () => {
    const { core } = made();
    const conversationId = await group('bob');
    const renamed = await core.setTitle(user('ann'), { conversationId, title: '雁' });
    expect(accepted(renamed)).toMatchObject({ kind: 'group', title: '雁', member_count: 2 });
    expect(await core.addMember(user('ann'), { conversationId, userId: user('cat') })).toEqual({
      type: 'ok',
      value: undefined,
    });
    const first = accepted(await core.members(user('bob'), { conversationId, limit: 2 }));
    expect(first.members.map((member) => member.user_id)).toEqual([user('ann'), user('bob')]);
    const rest = accepted(await core.members(user('bob'), { conversationId, after: user('bob') }));
    expect(rest.members.map((member) => member.user_id)).toEqual([user('cat')]);
    expect(codeOf(await core.removeMember(user('bob'), { conversationId, userId: user('bob') }))).toBe('ok');
    expect(codeOf(await core.getConversation(user('bob'), conversationId))).toBe('not_member');
    expect(codeOf(await core.typing(actor('bob'), conversationId))).toBe('not_member');
    expect(codeOf(await core.typing(actor('cat'), conversationId))).toBe('ok');
  });

  test('what happens is told on the topics it concerns: frames, and who follows what from now on', async () => {
    const { core, bus, settle } = made();
    const events: BusEvent[] = [];
    const attachment = bus.attach({ onEvent: (event) => events.push(event), onLoss: () => {} });
    const conversationId = await group();
    attachment.subscribe([userTopic(user('bob')), conversationTopic(conversationId)]);
    await settle();
    accepted(await core.addMember(user('ann'), { conversationId, userId: user('bob') }));
    await settle();
    const membership = { type: 'membership', topic: userTopic(user('bob')), conversationId, isMember: true } as const;
    expect(events).toContainEqual(membership);
    const { msgId } = accepted(
      await core.send({
        from: user('bob'),
        conversationId,
        clientMsgId: 'k' as ClientMsgId,
        content: { type: 'text', text: '雁' },
      }),
    );
    await settle();
    const frames = events.filter((event) => event.type === 'frame').map(({ frame }) => JSON.parse(frame));
    expect(frames.at(-1)).toMatchObject({ type: 'message', msg_id: msgId, content: { text: '雁' } });
    attachment.detach();
  });
}

function sessions({ made, group }: CoreTools): void {
  const session = (who: Actor, sessionId: string) => ({ actor: who, sessionId, node: 'here' });

  test('who opens a session is told their groups, and is online until the last one is closed', async () => {
    const { core } = made();
    const groups = [await group('bob'), await group('bob')];
    await core.send({
      from: user('ann'),
      to: user('bob'),
      clientMsgId: 'k' as ClientMsgId,
      content: { type: 'text', text: 'x' },
    });
    const { conversationIds } = await core.open(session(actor('bob'), 's1'));
    expect([...conversationIds].sort()).toEqual(groups.sort());
    await core.open(session(actor('bob', 'desk'), 's2'));
    const isOnline = async () => (await core.presence([user('bob'), user('nobody')])).map(({ online }) => online);
    expect(await isOnline()).toEqual([true, false]);
    await core.close(session(actor('bob'), 's1'));
    expect(await isOnline()).toEqual([true, false]);
    await core.close(session(actor('bob', 'desk'), 's2'));
    expect(await isOnline()).toEqual([false, false]);
    expect((await core.presence([user('bob')]))[0]?.lastSeenMs).toBeGreaterThan(1.6e12);
  });

  test('a second session of a device is told to the first, wherever that is', async () => {
    const { core, bus, settle } = made();
    const events: BusEvent[] = [];
    const topic: Topic = userTopic(user('bob'));
    bus.attach({ onEvent: (event) => events.push(event), onLoss: () => {} }).subscribe([topic]);
    await core.open(session(actor('bob'), 's1'));
    await settle();
    expect(events).toEqual([]);
    await core.open(session(actor('bob'), 's2'));
    await settle();
    expect(events).toEqual([{ type: 'replaced', topic, deviceId: 'phone' as DeviceId, sessionId: 's2' }]);
  });
}

function accounts({ made }: CoreTools): void {
  test('an account is made once, and opened with its password alone', async () => {
    const { core } = made();
    const account = { userId: user('dan'), displayName: 'Dan 雁' };
    expect(await core.signup({ ...account, password })).toEqual({ type: 'ok', value: account });
    expect(codeOf(await core.signup({ ...account, password }))).toBe('conflict');
    expect(await core.login({ userId: account.userId, password })).toEqual({ type: 'ok', value: account });
    expect(codeOf(await core.login({ userId: account.userId, password: 'wrong' }))).toBe('unauthorized');
    expect(accepted(await core.getUser(account.userId))).toEqual(account);
    expect(codeOf(await core.getUser(user('nobody')))).toBe('not_found');
    expect(await core.searchUsers({ query: 'da', limit: 5 })).toEqual([account]);
  });
}
