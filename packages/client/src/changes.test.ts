// Edits, recalls and reactions of a client: shown at once, kept and sent like messages, undone when they are refused.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import type { ClientMsgId, ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import { rejectionOf } from '@hongyan/testing/rejection';
import { until } from '@hongyan/testing/until';
import type { ClientMessage } from './api.ts';
import { applyChange } from './apply-change.ts';
import type { ScriptedConnection } from './testing/scripted-server.ts';
import { conversation, entry, message, SessionRig } from './testing/session-rig.ts';

type Frame = Parameters<SessionRig['answer']>[1];

const g1 = 'g:1' as ConversationId;
const first = 1 as Seq;
const text = (value: string) => ({ type: 'text', text: value });

let rig: SessionRig;
beforeEach(() => {
  rig = new SessionRig();
  rig.lastSeq = 1;
});
afterEach(() => rig.stop());

/** The only message, as an application keeps it: read as history, and changed by the client's events. */
async function shownMessage(): Promise<{ readonly now: () => ClientMessage }> {
  const { messages } = await rig.client.history({ conversationId: g1, afterSeq: 0 as Seq, limit: 10 });
  let kept = messages[0] as ClientMessage;
  rig.client.on('changed', ({ change }) => {
    if (change) kept = applyChange(kept, change, rig.client.userId);
  });
  return { now: () => rig.client.withPending(kept) };
}

const ack = ({ id, client_msg_id, conversation_id }: Frame, seq: number) =>
  ({ type: 'ack', id, client_msg_id, conversation_id, msg_id: `m${seq}`, seq, timestamp: seq, status: 'ack' }) as const;

/** The answers of changes are the test's. */
function holdChanges(): { readonly peer: ScriptedConnection; readonly frame: Frame }[] {
  const held: { readonly peer: ScriptedConnection; readonly frame: Frame }[] = [];
  rig.server.answer = (peer, frame) => {
    if (!['edit', 'recall', 'react', 'pin', 'unpin'].includes(frame.type)) return rig.answer(peer, frame);
    held.push({ peer, frame });
    return true;
  };
  return held;
}

test('[C4][E2] an edit made offline shows at once, leaves with the same key until it is acknowledged, and stays', async () => {
  const connection = await rig.begin();
  const { now } = await shownMessage();
  connection.close(4000);
  await until(() => rig.client.state.type === 'reconnecting');
  const edited = rig.client.edit(g1, first, text('new'), { expectEdited: 0 });
  await until(() => now().isPending === true);
  expect(now()).toMatchObject({ content: text('new'), isPending: true });
  const held = holdChanges();
  (await rig.again()).close(4000);
  await until(() => rig.client.state.type === 'reconnecting');
  held.length = 0;
  await rig.again();
  await until(() => held.length > 0);
  const { peer, frame } = held[0] as (typeof held)[number];
  expect(frame).toMatchObject({ type: 'edit', target_seq: 1, content: text('new'), expect_seq: 0 });
  rig.lastSeq = 2;
  peer.send(ack(frame, 2));
  await edited;
  expect(now()).toMatchObject({ content: text('new'), edited: 2, asOfSeq: 2 });
  expect(now().isPending).toBeUndefined();
  expect(rig.client.conversation(g1)).toMatchObject({ lastSeq: 2, unread: 1 });
  // What it made of the message is kept first: a run that begins in between shows it too.
  expect((await rig.storage.load()).outbox).toHaveLength(1);
  rig.clock.advance(300);
  await until(async () => (await rig.storage.load()).outbox.length === 0);
  const [kept] = await rig.storage.messages({ conversationId: g1, fromSeq: 1, throughSeq: 1 });
  expect(kept).toMatchObject({ content: text('new'), edited: 2 });
});

test('[E7, E8] what a message answers and mentions is kept with it, sent, and part of what its key stands for', async () => {
  const connection = await rig.begin();
  connection.close(4000);
  await until(() => rig.client.state.type === 'reconnecting');
  const replyTo = { seq: first, content: text('quoted') };
  const options = { replyTo, mentions: ['you' as UserId, 'you' as UserId], clientMsgId: 'k' as ClientMsgId };
  const sent = rig.client.send({ conversationId: g1 }, text('see there'), options);
  await until(() => rig.client.outbox().length === 1);
  expect(rig.client.outbox()[0]).toMatchObject({ replyTo, mentions: ['you'] });
  const other = { ...options, replyTo: { seq: 2 as Seq } };
  expect(await rejectionOf(rig.client.send({ conversationId: g1 }, text('see there'), other))).toMatchObject({
    code: 'conflict',
  });
  const frames: Frame[] = [];
  rig.server.answer = (peer, frame) => {
    if (frame.type !== 'send') return rig.answer(peer, frame);
    frames.push(frame);
    peer.send(ack(frame, 2));
    return true;
  };
  await rig.again();
  expect(await sent).toMatchObject({ replyTo, mentions: ['you'] });
  expect(frames).toMatchObject([{ reply_to: { seq: 1 }, mentions: ['you'] }]);
  for (const bad of [{ replyTo: { seq: 0 as Seq } }, { mentions: [] }, { mentions: 'everyone' as 'all' }])
    expect(await rejectionOf(rig.client.send({ conversationId: g1 }, text('x'), bad))).toMatchObject({
      code: 'bad_request',
    });
});

test('[E6] a reaction that was noted shows until the entry that sums it up is there, and is counted once', async () => {
  await rig.begin();
  const { now } = await shownMessage();
  const held = holdChanges();
  const reacted = rig.client.react(g1, first, '👍', 'add');
  await until(() => held.length === 1);
  const { peer, frame } = held[0] as (typeof held)[number];
  peer.send({ ...ack(frame, 1), noted: true });
  await reacted;
  expect(now().reactions).toEqual([{ key: '👍', count: 1, isMine: true }]);
  rig.clock.advance(300);
  await until(async () => (await rig.storage.load()).outbox.length === 0);
  const changes = [{ user_id: 'me', key: '👍', op: 'add' }];
  const content = { type: 'hongyan.reactions', target_seq: 1, changes, reactions: [{ key: '👍', count: 3 }] };
  peer.send({ ...entry(2), type: 'entry', content, count: 1 });
  await until(() => now().reactions?.[0]?.count === 3);
  rig.clock.advance(2_000);
  expect(now()).toMatchObject({ reactions: [{ key: '👍', count: 3, isMine: true }] });
  expect(now().isPending).toBeUndefined();
});

/** A recall that is acknowledged while an entry before it is still to come; `page` lets that come. */
async function recallAhead(): Promise<{ readonly peer: ScriptedConnection; readonly page: () => void }> {
  const held = holdChanges();
  const recalled = rig.client.recall(g1, first);
  await until(() => held.length === 1);
  const missing = Promise.withResolvers<Frame>();
  rig.server.answer = (_peer, frame) => {
    if (frame.type === 'catch_up') missing.resolve(frame);
    return frame.type === 'catch_up';
  };
  const { peer, frame } = held[0] as (typeof held)[number];
  peer.send(ack(frame, 3));
  await recalled;
  const asked = await missing.promise;
  return { peer, page: () => rig.sendPage(peer, asked) };
}

test('[E2] a change that is acknowledged before the entries it follows shows until they are there, however long they take', async () => {
  await rig.begin();
  const { now } = await shownMessage();
  const { page } = await recallAhead();
  rig.clock.advance(9_000);
  expect(now()).toMatchObject({ isRecalled: true, isPending: true });
  // A run that begins in between shows it too.
  expect((await rig.storage.load()).outbox).toHaveLength(1);
  rig.lastSeq = 2;
  page();
  await until(() => now().asOfSeq === 3);
  expect(now()).toMatchObject({ isRecalled: true, asOfSeq: 3 });
  expect(now().isPending).toBeUndefined();
  rig.clock.advance(300);
  await until(async () => (await rig.storage.load()).outbox.length === 0);
});

test('[E2] a change of a conversation that was left before its entry came waits no longer', async () => {
  await rig.begin();
  const { now } = await shownMessage();
  const { peer } = await recallAhead();
  const left = { conversation_id: 'g:1', change: 'member_left', user_id: 'me', conversation: conversation(3) };
  peer.send({ type: 'conversation', ...left });
  await until(() => rig.client.pendingChanges === 0);
  expect(now().isPending).toBeUndefined();
  rig.clock.advance(300);
  await until(async () => (await rig.storage.load()).outbox.length === 0);
});

test('[E9] a pin and its removal leave as frames of their own', async () => {
  await rig.begin();
  const { now } = await shownMessage();
  const held = holdChanges();
  const pinned = rig.client.pin(g1, first, true);
  await until(() => held.length === 1);
  expect(now()).toMatchObject({ isPinned: true, isPending: true });
  const { peer, frame } = held[0] as (typeof held)[number];
  expect(frame).toMatchObject({ type: 'pin', target_seq: 1 });
  expect(frame).not.toHaveProperty('pinned');
  peer.send(ack(frame, 2));
  await pinned;
  void rig.client.pin(g1, first, false);
  await until(() => held.length === 2);
  expect(held[1]?.frame.type).toBe('unpin');
});

test('a change that is refused is undone, reported with its reason, and gone from the outbox', async () => {
  await rig.begin();
  const { now } = await shownMessage();
  const held = holdChanges();
  const errors: unknown[] = [];
  rig.client.on('changed', ({ seq, error, refused: content }) => {
    if (error) errors.push({ seq, code: error.code, refused: content });
  });
  const refused = rejectionOf(rig.client.recall(g1, first, { reason: 'typo' }));
  await until(() => held.length === 1);
  expect(now()).toMatchObject({ isRecalled: true, isPending: true });
  const { peer, frame } = held[0] as (typeof held)[number];
  expect(frame).toMatchObject({ type: 'recall', target_seq: 1, reason: 'typo' });
  peer.send({ type: 'error', id: frame.id, code: 'forbidden', message: 'not yours' });
  expect(await refused).toMatchObject({ code: 'forbidden' });
  expect(now()).toMatchObject({ content: text('1') });
  expect(now().isPending).toBeUndefined();
  expect(errors).toEqual([
    { seq: 1, code: 'forbidden', refused: { type: 'hongyan.recall', target_seq: 1, reason: 'typo' } },
  ]);
  expect(rig.client.pendingChanges).toBe(0);
  await until(async () => (await rig.storage.load()).outbox.length === 0);
});

test('[C4] changes of one message leave one after the other, those of others beside them', async () => {
  await rig.begin();
  const held = holdChanges();
  const done = [
    rig.client.react(g1, first, '👍', 'add'),
    rig.client.react(g1, first, '👍', 'remove'),
    rig.client.react(g1, 9 as Seq, '👍', 'add'),
  ];
  const asked = () => held.map(({ frame }) => `${frame.target_seq} ${frame.op}`);
  await until(() => held.length === 2);
  expect(asked()).toEqual(['1 add', '9 add']);
  for (const { peer, frame } of held) peer.send({ ...ack(frame, 1), unchanged: true });
  await until(() => held.length === 3);
  expect(asked()[2]).toBe('1 remove');
  held[2]?.peer.send({ ...ack(held[2].frame, 1), unchanged: true });
  await Promise.all(done);
});

test('[E6] what was so already makes no entry: nothing is shown twice and no seq is taken', async () => {
  const connection = await rig.begin();
  const held = holdChanges();
  const reacted = rig.client.react(g1, first, '👍', 'add');
  await until(() => held.length === 1);
  const changes: number[] = [];
  rig.client.on('changed', ({ change }) => changes.push(...(change ? [change.seq] : [])));
  held[0]?.peer.send({ ...ack(held[0].frame, 7), unchanged: true });
  await reacted;
  connection.send(message(2));
  await until(() => rig.shown.includes(2));
  expect(changes).toEqual([]);
  expect(connection.frames.some(({ type }) => type === 'catch_up')).toBe(false);
});

test('[C4] a change survives a restart, and leaves when the device is back', async () => {
  const connection = await rig.begin();
  connection.close(4000);
  await until(() => rig.client.state.type === 'reconnecting');
  rig.client.edit(g1, first, text('new')).catch(() => {});
  await until(async () => (await rig.storage.load()).outbox.length === 1);
  await rig.client.close();
  const held = holdChanges();
  rig.create();
  await rig.begin();
  await until(() => held.length === 1);
  expect(held[0]?.frame).toMatchObject({ type: 'edit', target_seq: 1, content: text('new') });
  expect(rig.client.outbox()).toEqual([]);
  expect(rig.client.pendingChanges).toBe(1);
});

test('[E2] a change of the newest message changes the conversation, not its unread messages or its place', async () => {
  const connection = await rig.begin();
  connection.send(message(2));
  await until(() => rig.shown.includes(2));
  const before = rig.client.conversation(g1);
  const content = { type: 'hongyan.edit', target_seq: 2, content: text('new') };
  connection.send({ type: 'entry', ...entry(3), count: 2, timestamp: 9_000, content });
  await until(() => rig.client.conversation(g1)?.lastMessage?.edited !== undefined);
  const after = rig.client.conversation(g1);
  expect(after?.lastMessage).toMatchObject({ seq: 2, content: text('new'), timestampMs: 2 });
  expect(after?.unread).toBe(before?.unread as number);
  expect(rig.shown).toEqual([2]);
});

test('what cannot be a change is refused at once', async () => {
  for (const asked of [
    rig.client.edit(g1, 0 as Seq, text('x')),
    rig.client.edit(g1, first, { type: 'text' }),
    rig.client.react(g1, first, '', 'add'),
    rig.client.react(g1, first, '👍', 'toggle' as 'add'),
    rig.client.recall('' as ConversationId, first),
  ])
    expect(await rejectionOf(asked)).toMatchObject({ code: 'bad_request' });
  expect(rig.client.pendingChanges).toBe(0);
});

test('[C4] what is refused is told by an event: a send or a change that nobody waits for is no unhandled rejection', async () => {
  await rig.begin();
  rig.server.answer = (peer, frame) => {
    const { id, type } = frame;
    const isRefused = ['send', 'react', 'set_private'].includes(type);
    if (isRefused) peer.send({ type: 'error', id, code: 'not_found', message: 'x' });
    return isRefused;
  };
  let told = 0;
  rig.client.on('outbox', ({ status }) => status === 'failed' && told++);
  rig.client.on('changed', ({ error }) => error && told++);
  rig.client.on('warning', () => told++);
  void rig.client.send({ conversationId: g1 }, text('x'));
  void rig.client.react(g1, first, '👍', 'add');
  void rig.client.pinConversation(g1, true);
  void rig.client.markReadInPrivate(g1, first);
  await until(() => told === 4);
  // Whoever runs the test reports a rejection that nobody handles.
  await Bun.sleep(0);
});
