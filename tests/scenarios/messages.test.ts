// What people do with messages: write, receive on all devices, catch up, read, ask where one is.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { askOutcome, call, createGroup } from '@hongyan/testing/http-client';
import type { Frame } from '@hongyan/testing/wire-client';
import { killServers, removeDataFolders, type ServerProcess } from '../server-process.ts';
import { messageWith, ofType, Person, text } from './people.ts';
import { profiles } from './profiles.ts';

describe.each(profiles)('messages on $name', (profile) => {
  let server: ServerProcess;
  let people = 0;
  const join = () => Person.join(server.url, `user${++people}`);
  const direct = (a: Person, b: Person) => `d:${[a.account.userId, b.account.userId].sort().join(':')}`;

  beforeAll(async () => {
    server = await profile.start();
  });
  afterAll(async () => {
    await killServers();
    await removeDataFolders();
  });

  test('[D4] a message reaches every device of both sides, the sending one included', async () => {
    const [alice, bob] = [await join(), await join()];
    const devices = await Promise.all([alice.device('a1'), alice.device('a2'), bob.device('b1'), bob.device('b2')]);
    const [sending] = devices;
    const sent = await sending?.request({
      type: 'send',
      to: bob.account.userId,
      client_msg_id: 'k1',
      content: text('雁'),
    });
    expect(sent).toMatchObject({
      type: 'ack',
      seq: 1,
      status: 'ack',
      client_msg_id: 'k1',
      conversation_id: direct(alice, bob),
    });
    for (const device of devices) {
      const frame = await device.next(messageWith('k1'));
      expect(frame).toMatchObject({
        seq: 1,
        msg_id: sent?.msg_id,
        from: alice.account.userId,
        to: bob.account.userId,
        content: text('雁'),
      });
    }
    await Promise.all(devices.map((device) => device.close()));
  });

  test('[D3] a repeated key gives the first answer, marked duplicate, and no second entry; with another message it is refused', async () => {
    const [alice, bob] = [await join(), await join()];
    const device = await alice.device('a1');
    const send = { type: 'send', to: bob.account.userId, client_msg_id: 'same', content: text('once') };
    const first = await device.request(send);
    const again = await device.request(send);
    expect(again).toEqual({ ...first, id: again?.id, duplicate: true } as Frame);
    const other = [{ content: text('twice?') }, { to: alice.account.userId }];
    for (const change of other)
      expect(await device.request({ ...send, ...change })).toMatchObject({ code: 'conflict' });
    const { type: _type, ...body } = send;
    const overHttp = await call(server.url, '/v1/messages', { token: alice.account.token, method: 'POST', body });
    expect(overHttp).toMatchObject({ status: 201, body: { msg_id: first?.msg_id, seq: 1, duplicate: true } });
    expect((await device.catchUp(direct(alice, bob), 0))?.entries.map((entry) => entry.content)).toEqual([
      text('once'),
    ]);
    await device.close();
  });

  test('[D3] what was acknowledged is acknowledged again, also when its sender may not write any more or has left', async () => {
    const [alice, bob] = [await join(), await join()];
    const group = await createGroup(server.url, alice.account, [bob.account.userId]);
    const device = await bob.device('b');
    const plain = { type: 'send', conversation_id: group, client_msg_id: 'plain', content: text('x') };
    const sends = [plain, { ...plain, client_msg_id: 'mention', mentions: [alice.account.userId] }];
    const first = await Promise.all(sends.map((send) => device.request(send)));
    const ofAlice = (method: string, path: string, body?: object) =>
      call(server.url, `/v1/conversations/${group}${path}`, { token: alice.account.token, method, body });
    const checkRepeats = async (codeOfNew: string) => {
      for (const [index, send] of sends.entries()) {
        const again = await device.request(send);
        expect(again).toEqual({ ...first[index], id: again?.id, duplicate: true } as Frame);
      }
      expect(await device.request({ ...plain, client_msg_id: codeOfNew })).toMatchObject({ code: codeOfNew });
    };
    expect((await ofAlice('PATCH', '', { rules: { post: 'admins' } })).status).toBe(200);
    await checkRepeats('forbidden');
    expect((await ofAlice('DELETE', `/members/${bob.account.userId}`)).status).toBe(204);
    await checkRepeats('not_member');
    await device.close();
  });

  test('[D3] of two reactions sent at once with one key, in different conversations, the second is a conflict', async () => {
    const [alice, bob] = [await join(), await join()];
    const groups = [
      await createGroup(server.url, alice.account, [bob.account.userId]),
      await createGroup(server.url, alice.account, [bob.account.userId]),
    ];
    const device = await bob.device('b');
    for (const [index, group] of groups.entries())
      await device.send({ conversationId: group, clientMsgId: `target ${index}`, content: text('x') });
    const outcomes = await Promise.all(
      groups.map((group) =>
        device.request({
          ...{ type: 'react', conversation_id: group, target_seq: 2, key: '👍', op: 'add' },
          client_msg_id: 'both',
        }),
      ),
    );
    expect(outcomes.map((outcome) => outcome?.code ?? outcome?.type).toSorted()).toEqual(['ack', 'conflict']);
    await device.close();
  });

  test('[D6] the outcome of a send can be asked for by its key', async () => {
    const [alice, bob] = [await join(), await join()];
    const device = await alice.device('a1');
    expect((await askOutcome(server.url, alice.account, 'asked')).found).toBeUndefined();
    await device.request({ type: 'send', to: bob.account.userId, client_msg_id: 'asked', content: text('x') });
    expect((await askOutcome(server.url, alice.account, 'asked')).found).toMatchObject({ seq: 1 });
    expect((await askOutcome(server.url, bob.account, 'asked')).found).toBeUndefined();
    await device.close();
  });

  test('[M17] who was away syncs, reads what was missed, acknowledges, and has nothing left to sync', async () => {
    const [alice, bob] = [await join(), await join()];
    const sender = await alice.device('a1');
    for (let i = 1; i <= 120; i++) {
      await sender.request({ type: 'send', to: bob.account.userId, client_msg_id: `m${i}`, content: text(String(i)) });
    }
    const receiver = await bob.device('b1');
    const synced = await receiver.request({ type: 'sync' });
    expect(synced?.conversations).toMatchObject([
      { last_seq: 120, first_seq: 1, unread: 120, last_message: { seq: 120 } },
    ]);
    const seqs: number[] = [];
    for (let after = 0; after < 120; after = seqs.at(-1) ?? 120) {
      const page = await receiver.catchUp(direct(alice, bob), after);
      seqs.push(...(page?.entries.map((entry) => entry.seq) ?? []));
    }
    expect(seqs).toEqual(Array.from({ length: 120 }, (_, index) => index + 1));
    receiver.receipt('delivered', direct(alice, bob), 120);
    const receipt = (frame: Frame) => frame.type === 'receipt' && frame.delivered_seq === 120;
    await receiver.next(receipt);
    expect((await receiver.request({ type: 'sync' }))?.conversations).toEqual([]);
    await sender.next(receipt);
    const where = await call(server.url, '/v1/messages/by-client-id/m7', { token: alice.account.token });
    expect(where.body.status).toBe('delivered');
    await Promise.all([sender.close(), receiver.close()]);
  });

  test('[M16][D7] a message goes from ack to delivered to read, reported for each member and for own devices', async () => {
    const [alice, bob] = [await join(), await join()];
    const [sender, receiver] = [await alice.device('a1'), await bob.device('phone')];
    const sent = await sender.request({ type: 'send', to: bob.account.userId, client_msg_id: 'k', content: text('x') });
    const where = async (token = alice.account.token) =>
      (await call(server.url, `/v1/messages/${sent?.msg_id}`, { token })).body;
    expect(await where()).toMatchObject({
      status: 'ack',
      members: [{ status: 'ack' }],
      devices: [{ device_id: 'a1' }],
    });
    for (const step of ['delivered', 'read'] as const) {
      receiver.receipt(step, direct(alice, bob), 1);
      const receipt = await sender.next(ofType('receipt'));
      expect(receipt).toMatchObject({
        user_id: bob.account.userId,
        delivered_seq: 1,
        read_seq: step === 'read' ? 1 : 0,
      });
      const count = step === 'read' ? 1 : 0;
      expect(await where()).toMatchObject({
        status: step,
        delivered_count: 1,
        read_count: count,
        members: [{ user_id: bob.account.userId, status: step }],
      });
      expect((await where())?.members).toEqual([expect.not.objectContaining({ devices: expect.anything() })]);
      const own = { device_id: 'phone', online: true, status: step };
      expect(await where(bob.account.token)).toMatchObject({ devices: [own] });
    }
    receiver.receipt('delivered', direct(alice, bob), 1);
    expect(await receiver.ping()).toBe(true);
    expect(await where()).toMatchObject({ status: 'read' });
    await Promise.all([sender.close(), receiver.close()]);
  });

  test('a group has one order for all, and who is no member has no part in it', async () => {
    const [alice, bob, carol, stranger] = [await join(), await join(), await join(), await join()];
    const group = await createGroup(server.url, alice.account, [bob.account.userId, carol.account.userId]);
    const devices = await Promise.all([alice.device('a'), bob.device('b'), carol.device('c')]);
    const sends = devices.flatMap((device, who) =>
      Array.from({ length: 20 }, (_, i) =>
        device.send({ conversationId: group, clientMsgId: `g${who}-${i}`, content: text(`${i}`) }),
      ),
    );
    expect(new Set((await Promise.all(sends)).map((outcome) => outcome.type))).toEqual(new Set(['acked']));
    const orders = await Promise.all(
      devices.map(async (device) => (await device.catchUp(group, 0))?.entries.map((entry) => entry.msg_id)),
    );
    expect(orders[1]).toEqual(orders[0] ?? []);
    expect(orders[2]).toEqual(orders[0] ?? []);
    const outside = await stranger.device('s');
    expect(await outside.send({ conversationId: group, clientMsgId: 'x', content: text('x') })).toEqual({
      type: 'refused',
      code: 'not_member',
    });
    const read = await outside.request({ type: 'history', conversation_id: group });
    expect(read).toMatchObject({ type: 'error', code: 'not_member' });
    await Promise.all([...devices, outside].map((device) => device.close()));
  });

  test('joining and leaving take effect on live connections and stand in the timeline', async () => {
    const [alice, bob] = [await join(), await join()];
    const group = await createGroup(server.url, alice.account, []);
    const [a, b] = [await alice.device('a'), await bob.device('b')];
    const member = `/v1/conversations/${group}/members/${bob.account.userId}`;
    expect((await call(server.url, member, { token: alice.account.token, method: 'PUT' })).status).toBe(204);
    expect(await b.next(ofType('conversation'))).toMatchObject({
      change: 'member_joined',
      user_id: bob.account.userId,
    });
    await a.send({ conversationId: group, clientMsgId: 'in', content: text('welcome') });
    expect(await b.next(messageWith('in'))).toMatchObject({ content: text('welcome') });
    expect((await call(server.url, member, { token: alice.account.token, method: 'DELETE' })).status).toBe(204);
    expect(await b.next((frame) => frame.change === 'member_left')).toMatchObject({ user_id: bob.account.userId });
    await a.send({ conversationId: group, clientMsgId: 'out', content: text('gone') });
    expect(await b.ping()).toBe(true);
    expect(b.frames.some(messageWith('out'))).toBe(false);
    const kinds = (await a.catchUp(group, 0))?.entries.map(({ content }) => (content as { change?: string }).change);
    expect(kinds).toEqual(['created', 'joined', undefined, 'left', undefined]);
    await Promise.all([a.close(), b.close()]);
  });

  test('in a broadcast only owners write', async () => {
    const [alice, bob] = [await join(), await join()];
    const body = { kind: 'broadcast', title: 'news', members: [bob.account.userId] };
    const created = await call(server.url, '/v1/conversations', { token: alice.account.token, method: 'POST', body });
    const conversationId = String(created.body.conversation_id);
    const [a, b] = [await alice.device('a'), await bob.device('b')];
    expect(await b.send({ conversationId, clientMsgId: 'b', content: text('x') })).toEqual({
      type: 'refused',
      code: 'forbidden',
    });
    expect((await a.send({ conversationId, clientMsgId: 'a', content: text('news') })).type).toBe('acked');
    expect(await b.next(messageWith('a'))).toMatchObject({ content: text('news') });
    await Promise.all([a.close(), b.close()]);
  });
});

describe.each(profiles)('history on $name', (profile) => {
  afterAll(async () => {
    await killServers();
    await removeDataFolders();
  });

  test('[D5] a new member who may not see the past is told the first seq', async () => {
    const server = await profile.start();
    const [alice, bob] = [await Person.join(server.url, 'alice'), await Person.join(server.url, 'bob')];
    const group = await createGroup(server.url, alice.account, []);
    const a = await alice.device('a');
    for (const key of ['1', '2', '3']) {
      const sent = await a.send({ conversationId: group, clientMsgId: key, content: text(key) });
      expect(sent).toMatchObject({ type: 'acked' });
    }
    const path = `/v1/conversations/${group}/members/bob`;
    const added = await call(server.url, path, { token: alice.account.token, method: 'PUT' });
    expect(added).toMatchObject({ status: 204 });
    const b = await bob.device('b');
    const page = await b.request({ type: 'history', conversation_id: group, after_seq: 0 });
    expect(page).toMatchObject({ first_seq: 5, last_seq: 5, has_more: false, entries: [{ seq: 5 }] });
    const hidden = await b.request({ type: 'history', conversation_id: group, before_seq: 5 });
    expect(hidden).toMatchObject({ first_seq: 5, has_more: false, entries: [] });
    await Promise.all([a.close(), b.close()]);
    expect(await server.stop()).toBe(0);
  });
});
