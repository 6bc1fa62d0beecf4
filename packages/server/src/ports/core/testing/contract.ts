// The contract of the core for gateways, run with direct calls and over the link.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { ClientMsgId, ConversationId, DeviceId } from '@hongyan/protocol/ids';
import { type BusEvent, conversationTopic, revocationsTopic, userTopic } from '../../event-bus/event-bus.ts';
import { everyOperation } from './every-operation.ts';
import {
  accepted,
  type CoreTools,
  type CoreUnderTest,
  caller,
  codeOf,
  deviceCaller,
  direct,
  password,
  seq,
  user,
} from './gateway-side.ts';

export function coreContract(name: string, make: () => Promise<CoreUnderTest>): void {
  describe(name, () => {
    let under: CoreUnderTest;
    beforeEach(async () => {
      under = await make();
      const signups = ['ann', 'bob', 'cat'].map((id) =>
        under.core.signup({ address: '127.0.0.1' }, { user_id: user(id), password }),
      );
      for (const signup of await Promise.all(signups)) accepted(signup);
    });
    afterEach(() => under.remove());
    const tools = toolsFor(() => under);
    describe('sending', () => sending(tools));
    describe('reading', () => reading(tools));
    describe('conversations', () => conversations(tools));
    describe('sessions', () => sessions(tools));
    describe('accounts', () => accounts(tools));
    everyOperation(tools);
  });
}

function toolsFor(made: () => CoreUnderTest): CoreTools {
  const send: CoreTools['send'] = (from, target, { key = 'k', content = { type: 'text', text: 'x' } } = {}) =>
    made().core.send(caller(from), { ...target, client_msg_id: key as ClientMsgId, content });
  return {
    made,
    send,
    say: (key, content) => send('ann', { conversation_id: direct }, { key, ...(content ? { content } : {}) }),
    async open(id, device) {
      const opening = { caller: deviceCaller(id, device), clientName: '', node: 'here' };
      accepted(await made().core.openSession(opening));
      return opening.caller;
    },
    async group(...members) {
      const input = { kind: 'group', title: 'group', members: members.map(user), history_visible: true } as const;
      return accepted(await made().core.createConversation(caller('ann'), input)).conversation_id;
    },
  };
}

function sending({ made, say, send }: CoreTools): void {
  test('[D2][D3] sends get seqs in the order of the calls, and a repeated one gets its first outcome', async () => {
    const keys = Array.from({ length: 300 }, (_, index) => `k${index}`);
    const all = (await Promise.all(keys.map((key) => say(key)))).map(accepted);
    expect(all.map((ack) => ack.seq)).toEqual(keys.map((_key, index) => seq(index + 1)));
    const [first] = all;
    expect(first).toMatchObject({ conversation_id: direct, client_msg_id: 'k0', status: 'ack' });
    expect(first).not.toHaveProperty('duplicate');
    expect(first?.timestamp).toBeGreaterThan(1.6e12);
    expect(accepted(await say('k0'))).toEqual({ ...first, duplicate: true } as never);
    expect(codeOf(await say('k0', { type: 'text', text: 'other' }))).toBe('conflict');
  });

  test('a send names a user or a conversation, and is refused with the reason', async () => {
    expect(codeOf(await send('ann', { to: user('nobody') }))).toBe('not_found');
    expect(codeOf(await send('ann', {}))).toBe('bad_request');
    expect(codeOf(await send('ann', { to: user('bob'), conversation_id: direct }))).toBe('bad_request');
    expect(codeOf(await send('ann', { conversation_id: 'd:bob:cat' as ConversationId }))).toBe('not_member');
    expect(codeOf(await send('ann', { conversation_id: 'g:nowhere' as ConversationId }))).toBe('not_member');
    expect(codeOf(await say('big', { type: 'text', text: 'x'.repeat(100_000) }))).toBe('too_large');
    expect(codeOf(await say('forged', { type: 'hongyan.members' }))).toBe('forbidden');
    expect(accepted(await send('ann', { to: user('bob') }))).toMatchObject({ conversation_id: direct, seq: 1 });
  });

  test('[D3] a key without UTF-8 encoding is refused, not changed', async () => {
    expect(codeOf(await say('a\ud800'))).toBe('bad_request');
    expect(codeOf(await say('a\ufffd'))).toBe('ok');
  });

  test('any content is returned as it was sent', async () => {
    const content = { type: 'x', text: '鸿雁 👩‍👩‍👧 \u0000\u2028"\\', n: [1.5, -0, null, true, { deep: {} }], '': '' };
    accepted(await say('k', content));
    const page = accepted(await made().core.history(caller('bob'), { conversation_id: direct }));
    expect(page.entries[0]?.content).toEqual(JSON.parse(JSON.stringify(content)));
  });
}

function reading({ made, say, open }: CoreTools): void {
  test('history and sync return sent messages page by page, and nothing else', async () => {
    for (let index = 1; index <= 5; index++) accepted(await say(`k${index}`));
    const { core } = made();
    const page = accepted(await core.history(caller('bob'), { conversation_id: direct, after_seq: seq(1), limit: 2 }));
    expect(page.entries.map((entry) => entry.seq)).toEqual([seq(2), seq(3)]);
    expect(page).toMatchObject({ first_seq: 1, last_seq: 5, has_more: true });
    const synced = accepted(await core.sync(await open('bob'), {}));
    expect(synced.conversations).toMatchObject([{ conversation_id: direct, last_seq: 5, unread: 5 }]);
    expect(synced).toMatchObject({ has_more: false, conversation_count: 1 });
    expect(codeOf(await core.history(caller('cat'), { conversation_id: direct }))).toBe('not_member');
  });

  test('[D6] the status of a message is found by its id and by its key', async () => {
    const { msg_id } = accepted(await say('k1'));
    const { core } = made();
    const place = accepted(await core.getMessage(caller('ann'), { msg_id }));
    expect(place).toMatchObject({ status: 'ack', message: { msg_id, client_msg_id: 'k1' } });
    expect(accepted(await core.findMessage(caller('ann'), { client_msg_id: 'k1' as ClientMsgId }))).toEqual(place);
    expect(codeOf(await core.getMessage(caller('cat'), { msg_id }))).toBe('not_found');
  });

  test('[D7] positions advance, and are refused beyond the last seq', async () => {
    accepted(await say('k1'));
    const { core } = made();
    const bob = await open('bob');
    const at = (value: number) => ({ conversation_id: direct, seq: seq(value) });
    expect(await core.read(bob, at(1))).toEqual({ type: 'ok', value: undefined });
    expect(codeOf(await core.delivered(bob, at(2)))).toBe('bad_request');
    expect(codeOf(await core.read(bob, at(2 ** 53 - 1)))).toBe('bad_request');
    const view = accepted(await core.getConversation(caller('bob'), { conversation_id: direct }));
    expect(view).toMatchObject({ delivered_seq: 1, read_seq: 1, unread: 0 });
  });
}

function conversations({ made, group, open, send }: CoreTools): void {
  test('a group is created, named, joined and left', async () => {
    const { core } = made();
    const conversation_id = await group('bob');
    const [bob, cat] = [await open('bob'), await open('cat')];
    const renamed = await core.updateConversation(caller('ann'), { conversation_id, title: '雁' });
    expect(accepted(renamed)).toMatchObject({ kind: 'group', title: '雁', member_count: 2 });
    const joined = await core.addMember(caller('ann'), { conversation_id, user_id: user('cat') });
    expect(joined).toEqual({ type: 'ok', value: undefined });
    const first = accepted(await core.listMembers(caller('bob'), { conversation_id, limit: 2 }));
    expect(first.members.map((member) => member.user_id)).toEqual([user('ann'), user('bob')]);
    const rest = accepted(await core.listMembers(caller('bob'), { conversation_id, after: user('bob') }));
    expect(rest.members.map((member) => member.user_id)).toEqual([user('cat')]);
    expect(codeOf(await core.removeMember(bob, { conversation_id, user_id: user('bob') }))).toBe('ok');
    expect(codeOf(await core.getConversation(caller('bob'), { conversation_id }))).toBe('not_member');
    expect(codeOf(await core.typing(bob, { conversation_id }))).toBe('not_member');
    expect(codeOf(await core.typing(cat, { conversation_id }))).toBe('ok');
  });

  test('changes are published on the affected topics: frames, and memberships of users', async () => {
    const { core, bus, settle } = made();
    const events: BusEvent[] = [];
    const attachment = bus.attach({ onEvent: (event) => events.push(event), onLoss: () => {} });
    const conversationId = await group();
    await attachment.subscribe([userTopic(user('bob')), conversationTopic(conversationId)]);
    accepted(await core.addMember(caller('ann'), { conversation_id: conversationId, user_id: user('bob') }));
    await settle();
    const membership = { type: 'membership', topic: userTopic(user('bob')), conversationId, isMember: true } as const;
    expect(events).toContainEqual(membership);
    const content = { type: 'text', text: '雁' };
    const { msg_id } = accepted(await send('bob', { conversation_id: conversationId }, { content }));
    await settle();
    const frames = events.filter((event) => event.type === 'frame').map(({ frame }) => JSON.parse(frame));
    expect(frames.at(-1)).toMatchObject({ type: 'message', msg_id, content });
    attachment.detach();
  });
}

function sessions({ made, group, open, say }: CoreTools): void {
  test('a new session gets the groups of its user, who is online until the last session is closed', async () => {
    const { core } = made();
    const groups = [await group('bob'), await group('bob')];
    accepted(await say('k'));
    const phone = deviceCaller('bob');
    const opened = accepted(await core.openSession({ caller: phone, clientName: 'test', node: 'here' }));
    expect(opened.conversationIds.toSorted()).toEqual(groups.toSorted());
    expect(opened.epoch).not.toBe('');
    const [desk, ann] = [await open('bob', 'desk'), await open('ann')];
    const presence = async () => accepted(await core.presence(ann, { user_ids: [user('bob'), user('nobody')] })).users;
    const isOnline = async () => (await presence()).map(({ online }) => online);
    expect(await isOnline()).toEqual([true, false]);
    await core.closeSession({ caller: phone, node: 'here' });
    expect(await isOnline()).toEqual([true, false]);
    await core.closeSession({ caller: desk, node: 'here' });
    expect(await isOnline()).toEqual([false, false]);
    await core.closeSession({ caller: desk, node: 'here' });
    const [bob, nobody] = await presence();
    expect(bob?.last_seen).toBeGreaterThan(1.6e12);
    expect(nobody).not.toHaveProperty('last_seen');
  });

  test('a second session of a device is reported to the first one, on any gateway', async () => {
    const { core, bus, settle } = made();
    const events: BusEvent[] = [];
    const topic = userTopic(user('bob'));
    await bus.attach({ onEvent: (event) => events.push(event), onLoss: () => {} }).subscribe([topic]);
    const openAs = (session: string) =>
      core.openSession({ caller: deviceCaller('bob', 'phone', session), clientName: '', node: 'here' });
    accepted(await openAs('s1'));
    await settle();
    expect(events).toEqual([]);
    accepted(await openAs('s2'));
    await settle();
    expect(events).toEqual([{ type: 'replaced', topic, deviceId: 'phone' as DeviceId, sessionId: 's2' }]);
  });
}

function accounts({ made }: CoreTools): void {
  test('[A13] revocations are published, and included in the pages that gateways query', async () => {
    const { core, bus, settle } = made();
    const events: BusEvent[] = [];
    await bus.attach({ onEvent: (event) => events.push(event), onLoss: () => {} }).subscribe([revocationsTopic]);
    for (const tokenId of ['t1', 't2', 't3']) accepted(await core.logout({ ...caller('ann'), tokenId }, {}));
    await settle();
    expect(events).toMatchObject(
      ['t1', 't2', 't3'].map((tokenId) => ({ type: 'revoked', revocations: [{ tokenId }] })),
    );
    const first = accepted(await core.revocations({ limit: 2 }));
    expect(first.revocations).toMatchObject([{ tokenId: 't1' }, { tokenId: 't2' }]);
    const second = accepted(await core.revocations({ limit: 2, ...(first.next ? { after: first.next } : {}) }));
    expect(second).toMatchObject({ revocations: [{ tokenId: 't3', userId: 'ann' }] });
    expect(second.next).toBeUndefined();
  });

  test('[A4, A21] a gateway admits users of an issuer and verifies keys', async () => {
    const { core } = made();
    expect(accepted(await core.admitUser({ userId: user('ANN') }))).toBe(user('ann'));
    expect(accepted(await core.admitUser({ userId: user('Zoe'), displayName: 'Zoe 雁' }))).toBe(user('Zoe'));
    expect(accepted(await core.getUser(caller('ann'), { user_id: user('zoe') })).display_name).toBe('Zoe 雁');
    expect(codeOf(await core.identifyKey({ key: 'hy_k1_0123456789abcdef' }))).toBe('unauthorized');
  });

  test('an account is created once, and only its password opens it', async () => {
    const { core } = made();
    const anyone = { address: '127.0.0.1' };
    const dan = { user_id: user('dan'), display_name: 'Dan 雁' };
    const signup = { ...dan, password };
    const granted = { token_type: 'Bearer', user: dan };
    expect(accepted(await core.signup(anyone, signup))).toMatchObject(granted);
    expect(codeOf(await core.signup(anyone, signup))).toBe('conflict');
    expect(accepted(await core.login(anyone, { user_id: dan.user_id, password }))).toMatchObject(granted);
    const wrong = { user_id: dan.user_id, password: 'wrong horse battery' };
    expect(codeOf(await core.login(anyone, wrong))).toBe('unauthorized');
    expect(accepted(await core.getUser(caller('ann'), { user_id: dan.user_id }))).toEqual(dan);
    expect(codeOf(await core.getUser(caller('ann'), { user_id: user('nobody') }))).toBe('not_found');
    expect(accepted(await core.searchUsers(caller('ann'), { query: 'da', limit: 5 }))).toEqual({ users: [dan] });
  });
}
