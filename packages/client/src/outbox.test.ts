// The outbox alone: what leaves when, in which order, and what becomes of refusals. Whole clients are tested in tests/scenarios.

import { expect, test } from 'bun:test';
import type { DownOf } from '@hongyan/protocol/down';
import type { ClientMsgId, ConversationId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { rejectionOf } from '@hongyan/testing/rejection';
import type { ClientMessage } from './api.ts';
import { ClientError } from './client-error.ts';
import type { ClientStorage, OutboxItem } from './client-storage.ts';
import { createMemoryStorage } from './memory-storage.ts';
import { Outbox } from './outbox.ts';
import { SafeStorage } from './safe-storage.ts';

const conversationId = 'd:me:you' as ConversationId;

/** An outbox with its line to the server in the test's hand. */
function rig({
  storage = createMemoryStorage(),
  itemsMax = 100,
  saved = Promise.resolve(),
}: {
  storage?: ClientStorage;
  itemsMax?: number;
  saved?: Promise<void>;
} = {}) {
  const clock = new ManualClock();
  const line: { key: string; ack(): void; refuse(error: ClientError): void }[] = [];
  const changes: ClientMessage[] = [];
  const acked: ClientMessage[] = [];
  const warnings: unknown[] = [];
  let seq = 0;
  const outbox = new Outbox({
    storage: new SafeStorage({ storage, clock, onFailure: (error) => warnings.push(error) }),
    clock,
    random: () => 0.5,
    itemsMax,
    transmit: ({ message }: OutboxItem) =>
      new Promise((resolve, reject) => {
        line.push({
          key: message.clientMsgId,
          ack: () => resolve(ackOf(message, ++seq)),
          refuse: reject,
        });
      }),
    isAhead: () => false,
    onKept: () => saved,
    onAck: async ({ message }) => void acked.push(message),
    onChange: ({ message }) => changes.push(message),
    onReplaced: () => {},
  });
  const add = (key: string, text: string, to: string) =>
    outbox.add({
      target: { to: to as UserId },
      conversationId: to === 'you' ? conversationId : (`d:me:${to}` as ConversationId),
      from: 'me' as UserId,
      clientMsgId: key as ClientMsgId,
      content: { type: 'text', text },
    });
  const send = (key: string, text = key, to = 'you') => {
    try {
      return add(key, text, to);
    } catch (error) {
      return Promise.reject(error);
    }
  };
  return { outbox, storage, clock, line, changes, acked, warnings, send };
}

function ackOf({ clientMsgId }: ClientMessage, seq: number): DownOf<'ack'> {
  return {
    type: 'ack',
    id: 1,
    client_msg_id: clientMsgId,
    msg_id: `m${seq}` as MsgId,
    conversation_id: conversationId,
    seq: seq as Seq,
    timestamp: 5,
    status: 'ack',
  };
}

/** Promise callbacks run, and the storage's with them. */
const settle = () => Bun.sleep(0);
const keysOn = (line: readonly { key: string }[]) => line.map(({ key }) => key);
const kept = async (storage: ClientStorage) =>
  (await storage.load()).outbox.map(({ message }) => message.clientMsgId as string);

test('[C4] what is sent offline is kept, leaves in order once connected, and its ack takes it out', async () => {
  const { outbox, storage, line, send, acked } = rig();
  const sent = [send('a'), send('b'), send('c')];
  await settle();
  expect(line).toEqual([]);
  expect(await kept(storage)).toEqual(['a', 'b', 'c']);
  outbox.connected();
  expect(keysOn(line)).toEqual(['a', 'b', 'c']);
  for (const { ack } of line) ack();
  expect((await Promise.all(sent)).map((message) => Number(message.seq))).toEqual([1, 2, 3]);
  expect(acked.map(({ status, timestampMs }) => [status, timestampMs])).toEqual(Array(3).fill(['ack', 5]));
  expect(await kept(storage)).toEqual([]);
  expect(outbox.list()).toEqual([]);
});

test('[C4] after a loss of connection all that had no answer leaves again, first sent first', async () => {
  const { outbox, line, send } = rig();
  outbox.connected();
  const sent = [send('a'), send('b')];
  await settle();
  outbox.disconnected();
  for (const { refuse } of line.splice(0)) refuse(new ClientError('unavailable', 'lost'));
  const late = send('c');
  await settle();
  expect(line).toEqual([]);
  outbox.connected();
  expect(keysOn(line)).toEqual(['a', 'b', 'c']);
  for (const { ack } of line) ack();
  await Promise.all([...sent, late]);
});

test('[C4] no more than 16 are on their way at a time', async () => {
  const { outbox, line, send } = rig();
  const sent = Array.from({ length: 40 }, (_, index) => send(`k${index}`));
  outbox.connected();
  await settle();
  expect(line).toHaveLength(16);
  line[0]?.ack();
  await settle();
  expect(line).toHaveLength(17);
  for (let next = 1; next < 40; next++) {
    line[next]?.ack();
    await settle();
  }
  expect(keysOn(line)).toEqual(Array.from({ length: 40 }, (_, index) => `k${index}`));
  await Promise.all(sent);
});

test('a refusal for the moment is waited out as long as the server asks, then everything goes on', async () => {
  const { outbox, line, send, clock } = rig();
  outbox.connected();
  const sent = send('a');
  await settle();
  line[0]?.refuse(new ClientError('overloaded', 'busy', { retryAfterMs: 2_000 }));
  await settle();
  const behind = send('b');
  await settle();
  expect(line).toHaveLength(1);
  clock.advance(1_999);
  expect(line).toHaveLength(1);
  clock.advance(1);
  expect(keysOn(line)).toEqual(['a', 'a', 'b']);
  line[1]?.ack();
  line[2]?.ack();
  await Promise.all([sent, behind]);
});

test('[C12] beyond the rate sends wait as long as the server says, and then leave one by one until it takes more', async () => {
  const { outbox, line, send, clock } = rig();
  outbox.connected();
  const sent = Array.from({ length: 8 }, (_, index) => send(`k${index}`));
  await settle();
  expect(line).toHaveLength(8);
  for (const one of line.slice(0, 3)) one.ack();
  for (const one of line.slice(3)) one.refuse(new ClientError('rate_limited', 'wait', { retryAfterMs: 100 }));
  await settle();
  clock.advance(111);
  expect(line).toHaveLength(8);
  clock.advance(1);
  expect(keysOn(line.slice(8))).toEqual(['k3']);
  line[8]?.ack();
  await settle();
  expect(keysOn(line.slice(9))).toEqual(['k4', 'k5']);
  line[10]?.refuse(new ClientError('rate_limited', 'wait', { retryAfterMs: 100 }));
  await settle();
  line[9]?.ack();
  await settle();
  expect(line).toHaveLength(11);
  clock.advance(112);
  expect(keysOn(line.slice(11))).toEqual(['k5', 'k6']);
  for (let next = 11; next < line.length; next++) {
    line[next]?.ack();
    await settle();
  }
  await Promise.all(sent);
});

test('a refusal for good fails the message, keeps it for a retry, and lets those behind it through', async () => {
  const { outbox, storage, line, send } = rig();
  outbox.connected();
  const refused = send('a');
  const other = send('b');
  await settle();
  line[0]?.refuse(new ClientError('not_member', 'you are not a member'));
  line[1]?.ack();
  expect(await rejectionOf(refused)).toMatchObject({ code: 'not_member' });
  await other;
  expect(outbox.list()).toMatchObject([{ clientMsgId: 'a', status: 'failed', error: { code: 'not_member' } }]);
  expect(await kept(storage)).toEqual(['a']);
  outbox.retry('a' as ClientMsgId);
  await settle();
  expect(keysOn(line)).toEqual(['a', 'b', 'a']);
  line[2]?.ack();
  await settle();
  expect(outbox.list()).toEqual([]);
});

test('[K10] a message that the server has is sent, until it is acknowledged, and leaves again when it never was', async () => {
  const { outbox, line, send } = rig();
  outbox.connected();
  const sent = send('a');
  void send('b');
  await settle();
  outbox.accepted('a' as ClientMsgId);
  outbox.accepted('of another device' as ClientMsgId);
  expect(outbox.list().map(({ status }) => status)).toEqual(['sent', 'queued']);
  line[0]?.refuse(new ClientError('unavailable', 'the connection is lost'));
  outbox.disconnected();
  await settle();
  outbox.connected();
  await settle();
  expect(keysOn(line)).toEqual(['a', 'b', 'a']);
  line[2]?.ack();
  expect((await sent).status).toBe('ack');
});

test('[C4] a new run continues what an earlier run kept, and leaves alone what had failed', async () => {
  const first = rig();
  first.outbox.connected();
  void first.send('a');
  void first.send('b');
  await settle();
  first.line[0]?.refuse(new ClientError('forbidden', 'no'));
  await settle();
  const second = rig({ storage: first.storage });
  second.outbox.restore((await first.storage.load()).outbox);
  expect(second.outbox.list()).toMatchObject([
    { clientMsgId: 'a', status: 'failed' },
    { clientMsgId: 'b', status: 'queued' },
  ]);
  void second.send('c');
  await settle();
  second.outbox.connected();
  expect(keysOn(second.line)).toEqual(['b', 'c']);
});

test('a discarded message is gone for good, also when it was just being stored', async () => {
  const { outbox, storage, line, send } = rig();
  const refused = send('a');
  outbox.discard('a' as ClientMsgId);
  expect(await rejectionOf(refused)).toMatchObject({ code: 'not_found' });
  await settle();
  outbox.connected();
  expect(line).toEqual([]);
  expect(await kept(storage)).toEqual([]);
});

test('[C4] discarded while it was being stored and sent anew with the same key, it is kept', async () => {
  const slow = createMemoryStorage();
  const rigged = rig({
    storage: { ...slow, putOutbox: (item) => slow.putOutbox(item).then(() => Bun.sleep(0)) },
  });
  void rigged.send('a');
  rigged.outbox.discard('a' as ClientMsgId);
  void rigged.send('a');
  await Bun.sleep(5);
  expect(await kept(slow)).toEqual(['a']);
});

test('a client that was closed holds no timer, also where the server had asked it to wait', async () => {
  const { outbox, line, send, clock } = rig();
  outbox.connected();
  void send('a');
  await settle();
  line[0]?.refuse(new ClientError('overloaded', 'busy', { retryAfterMs: 30_000 }));
  await settle();
  outbox.disconnected();
  expect(clock.nextInMs).toBeUndefined();
});

test('[C8] after the end every send has its answer, and none leaves', async () => {
  const { outbox, line, send } = rig();
  const sent = [send('a'), send('b')].map(rejectionOf);
  await settle();
  outbox.end();
  outbox.connected();
  expect(await Promise.all(sent)).toMatchObject([{ code: 'not_found' }, { code: 'not_found' }]);
  expect(line).toEqual([]);
});

test('[C8] a storage that never answers holds a message up for a moment only', async () => {
  const hanging = { ...createMemoryStorage(), putOutbox: () => new Promise<void>(() => {}) };
  const { outbox, line, send, clock, warnings } = rig({ storage: hanging });
  outbox.connected();
  void send('a');
  await settle();
  expect(line).toEqual([]);
  clock.advance(5_000);
  await settle();
  void send('b');
  await settle();
  expect(keysOn(line)).toEqual(['a', 'b']);
  expect(warnings).toHaveLength(1);
});

test('[C8] a storage that throws where it should reject is reported as well', async () => {
  const throwing = {
    ...createMemoryStorage(),
    putOutbox: () => {
      throw new Error('quota exceeded');
    },
    deleteOutbox: () => {
      throw new Error('quota exceeded');
    },
  };
  const { outbox, line, send, warnings } = rig({ storage: throwing });
  outbox.connected();
  const sent = send('a');
  await settle();
  line[0]?.ack();
  expect((await sent).clientMsgId).toBe('a' as ClientMsgId);
  await settle();
  expect(warnings).toHaveLength(2);
});

test('[D3] the same client_msg_id with another content or target is a conflict, and the first message leaves', async () => {
  const { outbox, line, send } = rig();
  outbox.connected();
  const first = send('a');
  expect(await rejectionOf(send('a', 'other words'))).toMatchObject({ code: 'conflict' });
  expect(await rejectionOf(send('a', 'a', 'zoe'))).toMatchObject({ code: 'conflict' });
  await settle();
  line[0]?.ack();
  expect(await first).toMatchObject({ content: { text: 'a' }, conversationId });
  expect(keysOn(line)).toEqual(['a']);
});

test('[D3] the same client_msg_id again is the same message', async () => {
  const { outbox, line, send } = rig();
  outbox.connected();
  const both = [send('a'), send('a')];
  await settle();
  expect(line).toHaveLength(1);
  line[0]?.ack();
  const [first, second] = await Promise.all(both);
  expect(first).toEqual(second as ClientMessage);
});

test('a full outbox refuses, and takes again when there is room', async () => {
  const { outbox, line, send } = rig({ itemsMax: 1 });
  outbox.connected();
  const first = send('a');
  expect(await rejectionOf(send('b'))).toMatchObject({ code: 'overloaded' });
  await settle();
  line[0]?.ack();
  await first;
  void send('c');
  await settle();
  expect(keysOn(line)).toEqual(['a', 'c']);
});

test('[C8] a storage that fails is reported, and the message leaves all the same', async () => {
  const broken = { ...createMemoryStorage(), putOutbox: () => Promise.reject(new Error('quota exceeded')) };
  const { outbox, line, send, warnings } = rig({ storage: broken });
  outbox.connected();
  void send('a');
  await settle();
  expect(keysOn(line)).toEqual(['a']);
  expect(warnings).toHaveLength(1);
});

test('[C4] what waits behind a message that is discarded while it is being stored leaves', async () => {
  const storage = createMemoryStorage();
  const release = Promise.withResolvers<void>();
  let isSlow = false;
  const { outbox, line, send } = rig({
    storage: {
      ...storage,
      async putOutbox(item) {
        if (isSlow && item.message.clientMsgId === 'a') await release.promise;
        await storage.putOutbox(item);
      },
    },
  });
  outbox.connected();
  send('a').catch(() => {});
  await settle();
  line[0]?.refuse(new ClientError('not_member', 'no member'));
  await settle();
  isSlow = true;
  outbox.retry('a' as ClientMsgId);
  send('b').catch(() => {});
  await settle();
  outbox.discard('a' as ClientMsgId);
  release.resolve();
  await settle();
  expect(keysOn(line)).toEqual(['a', 'b']);
});

test('[D3] one that was discarded on its way and is sent again with its key is answered and kept, whatever comes of the first', async () => {
  const { outbox, storage, line, send } = rig();
  outbox.connected();
  const first = rejectionOf(send('a'));
  await settle();
  outbox.discard('a' as ClientMsgId);
  outbox.disconnected();
  const second = send('a');
  line[0]?.ack();
  await settle();
  expect(await first).toMatchObject({ code: 'not_found' });
  expect(keysOf(outbox)).toEqual(['a']);
  expect(await kept(storage)).toEqual(['a']);
  outbox.connected();
  line[1]?.ack();
  expect(Number((await second).seq)).toBe(2);
});

test('[C11] [C4] what two tabs sent without a connection leaves in the order of both, also beside what a third one sent', async () => {
  const [first, second, third] = [rig(), rig(), rig()];
  first.outbox.connected();
  for (const key of ['x', 'y']) void first.send(key);
  await settle();
  for (const { ack } of first.line) ack();
  await settle();
  first.outbox.disconnected();
  // What one tab sends in a millisecond is in order too; the clocks of all are one.
  const sends = [first, second, third, second, first];
  for (const [n, { send }] of sends.entries()) {
    for (const half of ['a', 'b']) void send(`${n}${half}`);
    for (const { clock } of [first, second, third]) clock.advance(10);
  }
  await settle();
  const left = [...(await second.storage.load()).outbox, ...(await first.storage.load()).outbox];
  await third.outbox.adopt(Promise.resolve(left));
  third.outbox.connected();
  const inOrder = sends.flatMap((_, n) => [`${n}a`, `${n}b`]);
  expect(keysOf(third.outbox)).toEqual(inOrder);
  expect(keysOn(third.line)).toEqual(inOrder);
});

test('[C11] [D3] what left the outbox while the storage was read is not adopted from it', async () => {
  const { outbox, storage, line, send } = rig();
  outbox.connected();
  const sent = send('acknowledged');
  for (const key of ['discarded here', 'failed']) send(key).catch(() => {});
  await settle();
  for (const { refuse } of line.slice(1)) refuse(new ClientError('forbidden', 'no'));
  await settle();
  const { outbox: all } = await storage.load();
  const theirs = ['theirs', 'discarded there', 'sent there'].map((key, n) => ({
    ...(all[0] as OutboxItem),
    no: Number.MAX_SAFE_INTEGER - 3 + n,
    message: { ...(all[0] as OutboxItem).message, clientMsgId: key as ClientMsgId },
  }));
  const read = Promise.withResolvers<readonly OutboxItem[]>();
  const adopted = outbox.adopt(read.promise);
  line[0]?.ack();
  await sent;
  outbox.discard('discarded here' as ClientMsgId);
  outbox.discard('discarded there' as ClientMsgId);
  outbox.committed({ ...(theirs[2] as OutboxItem).message, seq: 9 as Seq });
  await settle();
  expect(await kept(storage)).toEqual(['failed']);
  read.resolve([...all, ...theirs]);
  await adopted;
  expect(keysOf(outbox)).toEqual(['failed', 'theirs']);
  expect(keysOn(line.slice(3))).toEqual(['theirs']);
  // A later reading is another matter: the user may have sent it again there.
  await outbox.adopt(Promise.resolve(theirs));
  expect(keysOf(outbox)).toEqual(['failed', 'theirs', 'discarded there', 'sent there']);
});

test('[C11] [D3] what is acknowledged, and kept until its conversation is, is not adopted from the storage', async () => {
  const saved = Promise.withResolvers<void>();
  const { outbox, storage, line, send } = rig({ saved: saved.promise });
  const adopt = async () => outbox.adopt(Promise.resolve((await storage.load()).outbox));
  outbox.connected();
  const sent = send('a');
  await settle();
  line[0]?.ack();
  outbox.committed(await sent);
  await adopt();
  expect(keysOf(outbox)).toEqual([]);
  saved.resolve();
  await settle();
  await adopt();
  expect(keysOn(line)).toEqual(['a']);
});

const keysOf = (outbox: Outbox) => outbox.list().map(({ clientMsgId }) => clientMsgId as string);
