// Operations of a back end with an API key: on behalf of users, on users and tokens, and as the system.

import { afterEach, expect, test } from 'bun:test';
import type { ApiKeyScope } from '@hongyan/protocol/api-key';
import type { ClientMsgId, DeviceToken } from '@hongyan/protocol/ids';
import type { Input } from '@hongyan/protocol/operations/operations';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { formatApiKey, hashOfSecret } from '../../domain/api-key.ts';
import type { Access } from '../../ports/access/access.ts';
import type { Caller } from '../../ports/core/core.ts';
import { signed } from '../../ports/core/testing/signed.ts';
import { conversationTopic, userTopic } from '../../ports/event-bus/event-bus.ts';
import { accepted, caller, codeOf, openWorld, seq, user, type World } from './testing/world.ts';

let world: World;
afterEach(() => world.close());

const secret = '0123456789abcdef';
const key = formatApiKey({ keyId: 'k1', secret });
const addKey = (scopes: readonly ApiKeyScope[] = ['messages:send']) =>
  world.access.createKey({ keyId: 'k1', name: 'shop', scopes, secretHash: hashOfSecret(secret), createdAtMs: 1 });
const system: Caller = { ...caller('system'), keyId: 'k1', deviceId: undefined, sessionId: undefined };
const mint = (input: Input<'mintToken'>) => world.core.mintToken(system, input);
const put = (user_id: string, more: Omit<Input<'putUser'>, 'user_id'> = {}) =>
  world.core.putUser(system, { user_id: user(user_id), ...more });

test('[A20, A21, A23] a key is valid while it is stored, and acts for a user under the stored id', async () => {
  world = await openWorld();
  await world.people('Ann');
  await addKey();
  expect(accepted(await world.core.identifyKey({ key, asUser: user('ann') }))).toEqual({
    keyId: 'k1',
    scopes: ['messages:send'],
    userId: user('Ann'),
  });
  expect(codeOf(await world.core.identifyKey({ key, asUser: user('nobody') }))).toBe('not_found');
  for (const bad of ['', 'hy_k1_', 'hy_k2_0123456789abcdef', `${key}0`, key.slice(0, -1)])
    expect([bad, codeOf(await world.core.identifyKey({ key: bad }))]).toEqual([bad, 'unauthorized']);
  await world.access.revokeKey('k1');
  expect(codeOf(await world.core.identifyKey({ key }))).toBe('unauthorized');
});

test('[A21] a flood of invented keys causes four queries per second, and existing keys keep working', async () => {
  let looks = 0;
  const counted = (access: Access): Access =>
    new Proxy(access, {
      get(target, name, self) {
        if (name === 'findKey' || name === 'listKeys') looks++;
        const value = Reflect.get(target, name, self);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  const clock = new ManualClock();
  const device = { device_token: 'device-a' as DeviceToken, model: 'P1', firmware: '1.0' };
  world = await openWorld({ given: (deps) => ({ ...deps, access: counted(deps.access), clock }) });
  await addKey();
  const flood = async (from: number) => {
    for (let index = from; index < from + 50; index++) {
      const keyId = `x${index}`;
      const asked = await world.core.identifyKey({ key: formatApiKey({ keyId, secret }) });
      const registered = await world.core.registerDevice(signed(device, { keyId }), device);
      expect([codeOf(asked), codeOf(registered)]).toEqual(['unauthorized', 'unauthorized']);
    }
  };
  await flood(0);
  expect(looks).toBe(2);
  expect(codeOf(await world.core.identifyKey({ key }))).toBe('ok');
  await world.access.createKey({
    keyId: 'k9',
    name: 'new',
    scopes: [],
    secretHash: hashOfSecret(secret),
    createdAtMs: 1,
  });
  await clock.advance(250);
  expect(codeOf(await world.core.identifyKey({ key: formatApiKey({ keyId: 'k9', secret }) }))).toBe('ok');
  await flood(100);
  expect(looks).toBe(6);
});

test('[A22] the time of last use of a key is stored to the minute', async () => {
  world = await openWorld();
  await addKey();
  const used = async () => {
    await Promise.all(Array.from({ length: 20 }, () => world.core.identifyKey({ key })));
    await world.access.touchKey({ keyId: 'none', atMs: 1 });
    return (await world.access.findKey('k1'))?.lastUsedAtMs ?? 0;
  };
  const first = await used();
  expect(first).toBeGreaterThan(1);
  world.pass(59_000);
  expect(await used()).toBe(first);
  world.pass(1_000);
  expect(await used()).toBe(first + 60_000);
});

test('[A24] a token is minted for an existing user, or for one created on request', async () => {
  world = await openWorld();
  await world.people('ann');
  expect(codeOf(await mint({ user_id: user('bob') }))).toBe('not_found');
  const minted = accepted(await mint({ user_id: user('bob'), create: true, display_name: 'Bob B' }));
  expect(minted).toMatchObject({ token_type: 'Bearer', user: { user_id: 'bob', display_name: 'Bob B' } });
  expect(accepted(await mint({ user_id: user('BOB'), create: true, display_name: 'Other' })).user).toEqual(minted.user);
  expect(codeOf(await mint({ user_id: user('ann'), ttl_s: 3_600 }))).toBe('ok');
  expect(codeOf(await mint({ user_id: user('ann'), ttl_s: 3_601 }))).toBe('bad_request');
  expect(codeOf(await mint({ user_id: user('System'), create: true }))).toBe('forbidden');
  expect(codeOf(await mint({ user_id: user('ann'), tier: 'paid' }))).toBe('ok');
});

test('[A24] [A25] an unknown tier is refused, and no user is created', async () => {
  world = await openWorld();
  expect(await mint({ user_id: user('ann'), create: true, tier: 'gold' })).toMatchObject({
    code: 'not_found',
    message: expect.stringContaining('free, paid'),
  });
  expect(codeOf(await put('ann', { tier: 'gold' }))).toBe('not_found');
  expect((await world.directory.getUsers([user('ann')])).size).toBe(0);
});

test('[A25] a user is created, renamed, disabled and enabled again', async () => {
  world = await openWorld();
  expect(accepted(await put('ann', { display_name: 'Ann', tier: 'paid' }))).toEqual({
    user_id: user('ann'),
    display_name: 'Ann',
    disabled: false,
    created: true,
  });
  expect(await world.directory.getTier(user('ann'))).toBe('paid');
  expect(accepted(await put('ANN', { display_name: 'Anna' }))).toMatchObject({ user_id: user('ann'), created: false });
  expect(accepted(await world.core.getUser(system, { user_id: user('ann') })).display_name).toBe('Anna');
  expect(accepted(await put('ann', { disabled: true }))).toMatchObject({ disabled: true, display_name: 'Anna' });
  expect(await world.access.issuedBefore(user('ann'))).toBeGreaterThan(Date.UTC(2026, 0, 15));
  expect(codeOf(await mint({ user_id: user('ann') }))).toBe('forbidden');
  expect(codeOf(await world.core.admitUser({ userId: user('ann') }))).toBe('unauthorized');
  await addKey();
  expect(codeOf(await world.core.identifyKey({ key, asUser: user('ann') }))).toBe('forbidden');
  expect(accepted(await put('ann', { disabled: false })).disabled).toBe(false);
  expect(codeOf(await mint({ user_id: user('ann') }))).toBe('ok');
  expect(codeOf(await put('ann', { display_name: ' ' }))).toBe('bad_request');
  expect(codeOf(await put('SYSTEM'))).toBe('forbidden');
});

test('[A25] a disabled user cannot log in, and only the right password reveals why', async () => {
  world = await openWorld();
  const input = { user_id: user('ann'), password: 'correct horse battery' };
  accepted(await world.core.signup({ address: '::1' }, input));
  accepted(await put('ann', { disabled: true }));
  const login = (password: string) => world.core.login({ address: '::1' }, { ...input, password });
  expect(await login(input.password)).toMatchObject({ code: 'unauthorized', message: 'this account is disabled' });
  expect(await login('wrong')).toMatchObject({ code: 'unauthorized', message: 'wrong user id or password' });
});

test('[A25] a user who is disabled during a login or minting gets no token', async () => {
  const signing = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  world = await openWorld({
    given: (deps) => ({
      ...deps,
      tokens: {
        async sign() {
          signing.resolve();
          await held.promise;
          return { accessToken: 'x', expiresInS: 60, issuedAtMs: 0 };
        },
      },
    }),
  });
  await world.people('ann');
  const minting = mint({ user_id: user('ann') });
  await signing.promise;
  accepted(await put('ann', { disabled: true }));
  held.resolve();
  expect(await minting).toMatchObject({ code: 'unauthorized', message: 'this account is disabled' });
});

test('[A26] no one can sign up as the system, and its name can be read once it has sent a message', async () => {
  world = await openWorld();
  const input = { user_id: user('SyStem'), password: 'correct horse battery' };
  expect(codeOf(await world.core.signup({ address: '::1' }, input))).toBe('forbidden');
  expect(codeOf(await world.core.admitUser({ userId: user('system') }))).toBe('unauthorized');
  await addKey();
  expect(accepted(await world.core.identifyKey({ key })).userId).toBe(user('system'));
  expect(accepted(await world.core.getUser(system, { user_id: user('system') })).display_name).toBe('System');
});

test('[A26] the system writes into any group and to any user without being a member, but not into direct conversations of others', async () => {
  world = await openWorld();
  await world.people('ann', 'bob', 'system');
  const group = await world.group('ann', ['bob'], { rules: { post: 'admins' } });
  const pushed = await world.listen(conversationTopic(group), userTopic(user('bob')));
  const send = (more: Partial<Input<'send'>>) =>
    world.core.send(system, {
      client_msg_id: `key ${Math.random()}` as ClientMsgId,
      content: { type: 'text', text: 'notice' },
      ...more,
    });
  expect(accepted(await send({ conversation_id: group })).conversation_id).toBe(group);
  expect(accepted(await send({ to: user('bob') })).conversation_id as string).toBe('d:bob:system');
  expect(pushed.filter(({ type }) => type === 'message')).toMatchObject([{ from: 'system' }, { from: 'system' }]);
  await world.say('ann', 'bob');
  expect(codeOf(await send({ conversation_id: 'd:ann:bob' as never }))).toBe('not_member');
  const view = accepted(await world.core.getConversation(caller('ann'), { conversation_id: group }));
  expect(view).toMatchObject({ member_count: 2, last_message: { from: 'system' } });
  expect(accepted(await world.core.getConversation(caller('bob'), { conversation_id: group })).unread).toBe(1);
});

test('[A26] only the system makes itself a member, and it writes to any number of users', async () => {
  world = await openWorld({ conversationsPerUserMax: 2 });
  const names = ['ann', 'bob', 'cat', 'dan'];
  await world.people(...names, 'system');
  const conversation_id = await world.group('ann', ['bob']);
  const { core } = world;
  const group = { kind: 'group' as const, title: 'mine', members: [user('System')] };
  expect(codeOf(await core.createConversation(caller('cat'), group))).toBe('forbidden');
  expect(codeOf(await core.addMember(caller('ann'), { conversation_id, user_id: user('system') }))).toBe('forbidden');
  for (const name of names)
    accepted(
      await core.send(system, {
        to: user(name),
        client_msg_id: name as ClientMsgId,
        content: { type: 'text', text: 'notice' },
      }),
    );
});

test('[A26] the system manages any group like its owner, but cannot transfer it', async () => {
  world = await openWorld();
  await world.people('ann', 'bob', 'cat', 'system');
  const conversation_id = await world.group('ann', ['bob']);
  const { core } = world;
  accepted(await core.addMember(system, { conversation_id, user_id: user('cat') }));
  accepted(await core.setRole(system, { conversation_id, user_id: user('cat'), role: 'admin' }));
  expect(codeOf(await core.setRole(system, { conversation_id, user_id: user('cat'), role: 'owner' }))).toBe(
    'forbidden',
  );
  expect(accepted(await core.updateConversation(system, { conversation_id, title: 'renamed' })).title).toBe('renamed');
  await world.say('bob', conversation_id);
  const { last_seq } = accepted(await core.getConversation(system, { conversation_id }));
  const change = { conversation_id, target_seq: seq(last_seq), client_msg_id: 'recall' as ClientMsgId };
  expect(codeOf(await core.recall(system, change))).toBe('ok');
  accepted(await core.removeMember(system, { conversation_id, user_id: user('ann') }));
  const { members } = accepted(await core.listMembers(system, { conversation_id }));
  expect(members.map(({ user_id, role }) => [user_id as string, role])).toEqual(
    expect.arrayContaining([['cat', 'owner']]),
  );
  expect(members.filter(({ role }) => role === 'owner')).toHaveLength(1);
});
