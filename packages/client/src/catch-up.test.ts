// Catching up after an absence: pages that are too long, entries pushed meanwhile, retention, conversations that were left.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { until } from '@hongyan/testing/until';
import type { ClientStorage } from './client-storage.ts';
import { conversation, entry, message, SessionRig, sendSync } from './testing/session-rig.ts';

let rig: SessionRig;
beforeEach(() => {
  rig = new SessionRig();
});
afterEach(() => rig.stop());

test('[C2] what was left while away is reported; what sync passed over, as it had an entry meanwhile, stays', async () => {
  rig.server.answer = (peer, frame) => {
    if (frame.type !== 'sync') return rig.answer(peer, frame);
    sendSync(peer, frame, [conversation(1), conversation(1, 'g:2'), conversation(1, 'g:3')]);
    return true;
  };
  rig.lastSeq = 1;
  const connection = await rig.begin();
  const left: string[] = [];
  rig.client.on('left', ({ conversationId }) => left.push(conversationId));
  rig.server.answer = (peer, frame) => {
    const { type, id } = frame;
    if (type === 'sync') {
      const conversations = frame.full ? [conversation(1)] : [];
      peer.send({ type: 'sync_result', id, conversations, cursor: 'd', has_more: false, conversation_count: 2 });
      return true;
    }
    if (type !== 'history' || frame.conversation_id !== 'g:2') return rig.answer(peer, frame);
    peer.send({ type: 'error', id, code: 'not_member', message: 'you are not a member' });
    return true;
  };
  connection.close(4000);
  await rig.again();
  await until(() => rig.client.state.type === 'online');
  expect(left).toEqual(['g:2']);
  expect(rig.client.conversations().map(({ conversationId }) => String(conversationId))).toEqual(['g:1', 'g:3']);
});

test('[C2] over a line that a long page is too much for, it asks for shorter ones until they come through', async () => {
  rig.lastSeq = 1;
  const connection = await rig.begin();
  connection.close(1001);
  rig.lastSeq = 60;
  const limits: number[] = [];
  rig.server.answer = (peer, frame) => {
    if (frame.type === 'catch_up') {
      limits.push(Number(frame.limit));
      if (Number(frame.limit) > 20) {
        peer.close(4001);
        return true;
      }
    }
    return rig.answer(peer, frame);
  };
  while (rig.shown.length < 59) {
    await until(() => rig.client.state.type === 'reconnecting' || rig.shown.length === 59);
    if (rig.client.state.type === 'reconnecting') rig.clock.advance(rig.clock.nextInMs ?? 0);
    await until(() => rig.client.state.type !== 'connecting');
  }
  expect(limits.slice(0, 5)).toEqual([200, 100, 50, 25, 12]);
  expect(rig.shown).toEqual(Array.from({ length: 59 }, (_, index) => index + 2));
});

test.each(['catch_up', 'private_state'])(
  '[C2] what waited for its rate (%s) when the connection was lost is read on the next one',
  async (read) => {
    let asked = 0;
    rig.lastSeq = 1;
    await rig.begin();
    rig.server.answer = (peer, frame) => {
      const { type, id } = frame;
      if (type === 'sync') {
        const page = { conversations: [conversation(rig.lastSeq)], cursor: 'c', has_more: false, private_seq: 3 };
        peer.send({ type: 'sync_result', id, ...page });
      } else if (type === read && asked++ === 0) {
        peer.send({ type: 'error', id, code: 'rate_limited', message: 'wait', retry_after_ms: 50_000 });
      } else if (type === 'private_state') peer.send({ type: 'private_state_result', id, as_of_seq: 3, items: [] });
      else return rig.answer(peer, frame);
      return true;
    };
    rig.lastSeq = 3;
    rig.server.connections[0]?.close(1001);
    const refused = await rig.again();
    await refused.next(read);
    refused.send({ type: 'typing', conversation_id: 'g:1', user_id: 'you' });
    await new Promise((resolve) => rig.client.on('typing', resolve));
    refused.close(1001);
    await rig.again();
    await until(() => rig.client.state.type === 'online');
    expect([asked, rig.shown]).toEqual([2, [2, 3]]);
  },
);

test('[C2] entries pushed while the pages are read are shown once, in their place', async () => {
  rig.lastSeq = 1;
  await rig.begin();
  rig.server.connections[0]?.close(1001);
  rig.lastSeq = 450;
  rig.server.answer = (peer, frame) => {
    if (frame.type === 'catch_up') {
      // Each page brings two more, the first of them before it.
      rig.lastSeq += 2;
      peer.send(message(rig.lastSeq - 1));
      rig.sendPage(peer, frame);
      peer.send(message(rig.lastSeq));
      return true;
    }
    return rig.answer(peer, frame);
  };
  await rig.again();
  await until(() => rig.client.state.type === 'online' && rig.shown.at(-1) === rig.lastSeq);
  expect(rig.shown).toEqual(Array.from({ length: rig.lastSeq - 1 }, (_, index) => index + 2));
});

test('[C9] retention that overtakes the pages is reported as a gap, and what follows is shown', async () => {
  rig.lastSeq = 1;
  await rig.begin();
  rig.server.connections[0]?.close(1001);
  rig.lastSeq = 500;
  const gaps: unknown[] = [];
  rig.client.on('gap', ({ from, to }) => gaps.push([from, to]));
  let pages = 0;
  rig.server.answer = (peer, frame) => {
    if (frame.type !== 'catch_up') return rig.answer(peer, frame);
    const first = pages++ === 0 ? 1 : 301;
    const from = Math.max(Number(frame.after_seq) + 1, first);
    const to = Math.min(500, from + 99);
    const entries = Array.from({ length: to - from + 1 }, (_, index) => entry(from + index));
    const { id } = frame;
    peer.send({ type: 'catch_up_result', id, entries, first_seq: first, last_seq: 500, has_more: to < 500 });
    return true;
  };
  await rig.again();
  await until(() => rig.client.state.type === 'online');
  expect(gaps).toEqual([[102, 300]]);
  expect(rig.shown).toEqual([
    ...Array.from({ length: 100 }, (_, index) => index + 2),
    ...Array.from({ length: 200 }, (_, index) => index + 301),
  ]);
});

test('[C2] a cursor is not kept while what it stands for could not be', async () => {
  let isFull = true;
  const broken: ClientStorage = {
    ...rig.storage,
    putConversations: (all) => (isFull ? Promise.reject(new Error('full')) : rig.storage.putConversations(all)),
  };
  rig.create(broken);
  const connection = await rig.begin();
  expect((await rig.storage.load()).meta.cursor).toBe('c');
  rig.server.answer = (peer, frame) => {
    if (frame.type !== 'sync') return rig.answer(peer, frame);
    peer.send({ type: 'sync_result', id: frame.id, conversations: [], cursor: 'later', has_more: false });
    return true;
  };
  rig.lastSeq = 3;
  connection.send(message(3));
  await until(() => rig.shown.length === 3);
  rig.clock.advance(300);
  connection.close(4000);
  await rig.again();
  await until(() => rig.client.state.type === 'online');
  await rig.client.close();
  expect((await rig.storage.load()).meta.cursor).toBe('c');
  isFull = false;
  await rig.client.connect();
  await rig.client.close();
  expect(await rig.storage.load()).toMatchObject({
    meta: { cursor: 'later' },
    conversations: [{ conversationId: 'g:1' }],
  });
});
