// What a user sets in private, on one client with a scripted server: shown at once, kept, sent once, undone when refused.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { closeCode } from '@hongyan/protocol/codes';
import type { PrivateChange } from '@hongyan/protocol/content';
import type { ConversationId, DeviceId, Seq } from '@hongyan/protocol/ids';
import { isRemoval, type PrivateItem, privateKey } from '@hongyan/protocol/private';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { rejectionOf } from '@hongyan/testing/rejection';
import { testSeed } from '@hongyan/testing/seed';
import { until } from '@hongyan/testing/until';
import fc from 'fast-check';
import type { ConversationView } from './api.ts';
import type { ArrivedEntry } from './entry-kind.ts';
import { PrivateState } from './private-state.ts';
import type { ScriptedConnection } from './testing/scripted-server.ts';
import { SessionRig } from './testing/session-rig.ts';

type Frame = Parameters<SessionRig['answer']>[1];

const g1 = 'g:1' as ConversationId;
let rig: SessionRig;
let held: { readonly peer: ScriptedConnection; readonly frame: Frame }[] = [];
beforeEach(() => {
  rig = new SessionRig();
  rig.lastSeq = 1;
  held = [];
  rig.server.answer = (peer, frame) => {
    if (frame.type !== 'set_private') return rig.answer(peer, frame);
    held.push({ peer, frame });
    return true;
  };
});
afterEach(() => rig.stop());

const view = () => rig.client.conversation(g1) as ConversationView;
const changes = () => held.map(({ frame }) => frame.change as PrivateChange);
/** The entry of a change, and its ack: in the order given. */
function answer(seq: number, order: readonly ('entry' | 'ack')[] = ['entry', 'ack'], more: object = {}): void {
  const { peer, frame } = held.shift() ?? {};
  if (!peer || !frame) throw new Error('no change is held');
  for (const part of order)
    if (part === 'entry') peer.send(entry(seq, { change: frame.change, ...more }));
    else peer.send({ ...place(seq), type: 'ack', id: frame.id, client_msg_id: frame.client_msg_id, status: 'ack' });
}
const place = (seq: number) => ({ msg_id: `u${seq}`, conversation_id: 'u:me', seq, timestamp: seq });
const entry = (seq: number, content: object) => ({
  ...{ ...place(seq), type: 'entry', from: 'me', count: 0, client_msg_id: `k${seq}`, status: 'ack' },
  content: { type: 'hongyan.private', ...content },
});

describe('a change', () => {
  test('[C4][E21] made offline shows at once, leaves once, and survives a restart', async () => {
    (await rig.begin()).close(4000);
    await until(() => rig.client.state.type === 'reconnecting');
    void rig.client.pinConversation(g1, true);
    const untilMs = rig.clock.nowMs() + 1_000_000;
    void rig.client.mute(g1, untilMs);
    await until(() => view().isPinned && view().isMuted);
    await rig.client.close();
    rig.create();
    await rig.client.connect();
    await until(() => held.length === 2);
    expect(view()).toMatchObject({ isPinned: true, isMuted: true, mutedUntilMs: untilMs });
    answer(1);
    answer(2, ['ack', 'entry']);
    await until(async () => (await rig.storage.load()).outbox.length === 0);
    await rig.client.close();
    rig.create();
    await rig.client.connect();
    expect(view()).toMatchObject({ isPinned: true, isMuted: true });
    expect(held).toEqual([]);
  });

  test('[E21] that is refused is undone and reported', async () => {
    await rig.begin();
    const warnings: unknown[] = [];
    rig.client.on('warning', (warning) => warnings.push(warning));
    const pinned = rig.client.pinConversation(g1, true);
    await until(() => held.length === 1);
    expect(view().isPinned).toBe(true);
    const { peer, frame } = held[0] ?? {};
    peer?.send({ type: 'error', id: frame?.id as number, code: 'not_member', message: 'no' });
    expect(await rejectionOf(pinned)).toMatchObject({ code: 'not_member' });
    expect(view().isPinned).toBe(false);
    expect(warnings).toHaveLength(1);
  });

  test('[E21] that a later one replaces before it leaves never leaves, and ends as that does', async () => {
    (await rig.begin()).close(4000);
    await until(() => rig.client.state.type === 'reconnecting');
    const saved = ['d', 'dr', 'draft'].map((text) => rig.client.saveDraft(g1, text, 0));
    await until(() => view().draft?.text === 'draft');
    await rig.again();
    await until(() => held.length === 1);
    expect(changes()).toMatchObject([{ type: 'draft', text: 'draft' }]);
    const later = rig.client.saveDraft(g1, 'draft 2', 0);
    await until(() => view().draft?.text === 'draft 2');
    expect(held).toHaveLength(1);
    answer(1);
    await Promise.all(saved);
    await until(() => held.length === 1);
    expect(view().draft).toMatchObject({ text: 'draft 2', revision: 1 });
    answer(2);
    await later;
    expect(view().draft).toEqual({ text: 'draft 2', revision: 2, others: [] });
  });

  test('[E21] shows on until its entry comes, when the ack is first', async () => {
    await rig.begin();
    const pinned = rig.client.pinConversation(g1, true);
    await until(() => held.length === 1);
    const [{ peer } = {}] = held;
    answer(1, ['ack']);
    await pinned;
    expect(view().isPinned).toBe(true);
    peer?.send(entry(1, { change: { type: 'pin', conversation_id: g1, pinned: true } }));
    peer?.send(entry(2, { change: { type: 'pin', conversation_id: g1, pinned: false } }));
    await until(() => !view().isPinned);
  });
});

test('[E22] a draft of another device is kept beside the own one, before and after the server says so', async () => {
  const peer = await rig.begin();
  peer.send(
    entry(1, { change: { type: 'draft', conversation_id: g1, text: 'theirs', base_revision: 0 }, device_id: 'x' }),
  );
  await until(() => view().draft?.revision === 1);
  const saved = rig.client.saveDraft(g1, 'mine', 0);
  await until(() => held.length === 1);
  expect(view().draft).toEqual({ text: 'mine', revision: 1, others: ['theirs'] });
  answer(2, ['entry', 'ack'], { others: [{ text: 'theirs', device_id: 'x' }] });
  await saved;
  expect(view().draft).toEqual({ text: 'mine', revision: 2, others: ['theirs'] });
  void rig.client.saveDraft(g1, 'both', 2);
  await until(() => view().draft?.text === 'both');
  expect(view().draft).toEqual({ text: 'both', revision: 2, others: [] });
});

test('[E24] a mute ends by itself, and an archived conversation comes back with a message unless it came while it was muted', async () => {
  const peer = await rig.begin();
  const reported: boolean[] = [];
  rig.client.on('conversation', ({ isMuted }) => reported.push(isMuted));
  void rig.client.archive(g1, true);
  const untilMs = rig.clock.nowMs() + 5_000;
  void rig.client.mute(g1, untilMs);
  await until(() => view().isArchived && view().isMuted && changes().length === 2);
  expect(changes()).toMatchObject([{ type: 'archive', count: 1 }, { type: 'mute' }]);
  peer.send({ type: 'message', ...messageAt(2), timestamp: untilMs - 1 });
  await until(() => view().lastSeq === 2);
  expect(view().isArchived).toBe(true);
  reported.length = 0;
  rig.clock.advance(5_000);
  await until(() => reported.includes(false));
  expect(view()).toMatchObject({ isMuted: false, isArchived: true });
  peer.send({ type: 'message', ...messageAt(3), timestamp: untilMs });
  await until(() => !view().isArchived);
});

test('[E24] a mute that ends while the client is closed is over when it is opened again, and no timer of it is left meanwhile', async () => {
  for (const end of [() => rig.client.close(), () => rig.server.connections.at(-1)?.close(closeCode.token_revoked)]) {
    await rig.client.connect();
    void rig.client.mute(g1, rig.clock.nowMs() + 5_000_000);
    await until(() => view().isMuted);
    await end();
    await until(() => rig.client.state.type === 'closed');
    void rig.client.mute(g1, rig.clock.nowMs() + 6_000_000);
    await until(() => view().mutedUntilMs === rig.clock.nowMs() + 6_000_000);
    rig.clock.advance(4_000);
    expect(rig.clock.nextInMs).toBeUndefined();
    rig.clock.advance(6_000_000);
    const isOver = new Promise((resolve) => rig.client.on('conversation', ({ isMuted }) => isMuted || resolve(true)));
    await rig.client.connect();
    expect(await isOver).toBe(true);
  }
});

test('[E24] what came while it was muted does not bring an archived conversation back when the user ends the mute', async () => {
  const peer = await rig.begin();
  void rig.client.archive(g1, true);
  void rig.client.mute(g1, rig.clock.nowMs() + 5_000_000);
  await until(() => view().isArchived && view().isMuted);
  peer.send({ type: 'message', ...messageAt(2), timestamp: rig.clock.nowMs() - 1 });
  await until(() => view().lastSeq === 2);
  void rig.client.mute(g1, null);
  await until(() => !view().isMuted);
  expect(view().isArchived).toBe(true);
  peer.send({ type: 'message', ...messageAt(3), timestamp: rig.clock.nowMs() + 1 });
  await until(() => !view().isArchived);
  // Back in the list it is no longer archived: a further mute does not take it away again.
  void rig.client.mute(g1, rig.clock.nowMs() + 5_000_000);
  await until(() => view().isMuted);
  expect(view().isArchived).toBe(false);
});

test('[E23] what is read in private is no longer unread here, and its position stays', async () => {
  await rig.begin();
  expect(view()).toMatchObject({ unread: 1 });
  void rig.client.markReadInPrivate(g1, 9 as Seq);
  await rig.client.markReadInPrivate(g1, 0 as Seq);
  await until(() => view().unread === 0);
  await rig.client.markReadInPrivate(g1, 1 as Seq);
  await until(() => held.length > 0);
  expect(changes()).toEqual([{ type: 'read', conversation_id: g1, seq: 1 as Seq }]);
  expect(view()).toMatchObject({ readSeq: 0, unreadAfterSeq: 1 });
});

test('[E21] settings follow, and a value that JSON cannot carry is refused at once', async () => {
  const peer = await rig.begin();
  const events: unknown[] = [];
  rig.client.on('settings', (settings) => events.push(settings));
  peer.send(entry(1, { change: { type: 'setting', name: 'theme', value: 'dark' } }));
  await until(() => events.length === 1);
  void rig.client.set('font', { px: 14 });
  await until(() => events.length === 2);
  expect(events).toEqual([{ theme: 'dark' }, { theme: 'dark', font: { px: 14 } }]);
  expect(await rejectionOf(rig.client.set('x', undefined))).toMatchObject({ code: 'bad_request' });
  peer.send(entry(2, { change: { type: 'setting', name: 'theme', value: null } }));
  await until(() => events.length === 3);
  expect(rig.client.settings()).toEqual({ font: { px: 14 } });
});

/** A log of changes; pushes of it arrive in part, twice and out of order, and the reads between them see all of it. */
const step = fc.record({
  key: fc.integer({ min: 0, max: 3 }),
  isSet: fc.boolean(),
  push: fc.constantFrom('now', 'never', 'twice', 'late'),
});

test('[E21] whatever is lost, repeated or late, the state is that of the log', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const log: PrivateChange[] = [];
      const state = new PrivateState({
        ...{ clock: new ManualClock(0), deviceId: 'd' as DeviceId, waiting: () => [] },
        read: async (after) => pageOf(log, after),
        onChange: () => {},
        onFailure: (error) => {
          throw error;
        },
        save: () => {},
      });
      const late: (() => void)[] = [];
      for (const { key, isSet, push } of steps) {
        log.push({ type: 'setting', name: `s${key}`, value: isSet ? log.length : null });
        const seq = log.length;
        const change = log.at(-1) as PrivateChange;
        const add = () =>
          state.add({ ...place(seq), content: { type: 'hongyan.private', change } } as unknown as ArrivedEntry);
        if (push === 'now' || push === 'twice') add();
        if (push === 'twice') add();
        if (push === 'late') late.push(add);
      }
      for (const add of late.reverse()) add();
      await state.catchUp(log.length);
      expect(state.settings()).toEqual(settingsOf(log));
      state.stop();
    }),
    { seed: testSeed('private state'), numRuns: 300 },
  );
});

/** Pages of one item. */
function pageOf(log: readonly PrivateChange[], after = '') {
  const items = new Map<string, PrivateItem>();
  for (const [index, change] of log.entries()) {
    items.delete(privateKey(change));
    if (!isRemoval({ change })) items.set(privateKey(change), { seq: (index + 1) as Seq, content: { change } });
  }
  const [next, ...more] = [...items].filter(([key]) => key > after).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    as_of_seq: log.length as Seq,
    items: next ? [{ seq: next[1].seq, change: next[1].content.change }] : [],
    ...(next && more.length > 0 ? { next: next[0] } : {}),
  };
}

function settingsOf(log: readonly PrivateChange[]): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  for (const change of log) if (change.type === 'setting') settings[change.name] = change.value;
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null));
}

const messageAt = (seq: number) => ({
  ...{ msg_id: `m${seq}`, conversation_id: g1, seq, from: 'you', content: { type: 'text', text: 'x' }, count: seq },
  ...{ timestamp: seq, client_msg_id: `k${seq}`, status: 'ack' },
});
