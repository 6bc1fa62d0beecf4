// The timeline before a real client, on storages as devices have them: near the edges of what is kept it says what it cannot show.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConversationId, Seq, UserId } from '@hongyan/client/api';
import { createBunSqliteStorage } from '@hongyan/client/bun-sqlite-storage';
import type { ClientStorage } from '@hongyan/client/client-storage';
import { createMemoryStorage } from '@hongyan/client/memory-storage';
import type { ScriptedConnection } from '@hongyan/client/testing/scripted-server';
import { conversation, message, SessionRig, sendSync } from '@hongyan/client/testing/session-rig';
import { until } from '@hongyan/testing/until';
import { Timeline, type TimelineView } from './timeline.ts';

const g1 = 'g:1' as ConversationId;
const me = 'me' as UserId;
const seqsOf = ({ messages }: TimelineView) => messages.map(({ seq }) => Number(seq));
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

const folder = await mkdtemp(join(tmpdir(), 'hongyan-timeline-'));
let files = 0;
afterAll(() => rm(folder, { recursive: true }));

const { requestAnimationFrame: before } = globalThis;
beforeAll(() => {
  globalThis.requestAnimationFrame = (run) => {
    queueMicrotask(() => run(0));
    return 0;
  };
});
afterAll(() => {
  globalThis.requestAnimationFrame = before;
});

describe.each([
  { name: 'memory', make: () => createMemoryStorage() },
  { name: 'bun sqlite', make: () => createBunSqliteStorage(join(folder, `${files++}.db`)) },
])('kept in $name, after a restart without a network', ({ make }) => {
  let rig: SessionRig;
  let storage: ClientStorage;
  let timeline: Timeline;
  beforeEach(() => {
    rig = new SessionRig();
    storage = make();
  });
  afterEach(() => rig.stop());

  const view = () => timeline.view.get();
  const ready = () => until(() => view().phase === 'ready' && view().loading === undefined);

  /** Online for the first time: the device keeps the newest `kept` of `lastSeq` messages. */
  async function keep({ lastSeq, kept }: { lastSeq: number; kept: number }): Promise<ScriptedConnection> {
    await rig.client.close();
    rig.create(storage);
    rig.lastSeq = lastSeq;
    const connection = await rig.begin();
    await rig.client.history({ conversationId: g1, limit: kept });
    return connection;
  }

  async function restart(): Promise<void> {
    await rig.client.close();
    const client = rig.create(storage);
    await client.history({ conversationId: g1, limit: 1 }).catch(() => {}); // loads what is kept
    timeline = new Timeline(client, g1, me);
    client.on('state', () => timeline.connectionChanged());
    client.on('message', (one) => timeline.accept(one));
    client.on('changed', ({ seq, change }) => timeline.changed(seq, change));
    client.on('outbox', (one) => timeline.outboxChanged(one));
    client.on('gap', ({ to, isReset }) => (isReset ? timeline.reset() : timeline.gap(to)));
  }

  function readAll(): void {
    rig.client.markRead(g1, rig.lastSeq as Seq);
  }

  test('[C10] what is older than the kept part is said to be missing, and comes by itself with the connection', async () => {
    await keep({ lastSeq: 300, kept: 150 });
    readAll();
    await restart();
    await timeline.open();
    await timeline.loadOlder();
    await ready();
    expect(seqsOf(view())).toEqual(range(151, 300));
    expect(view()).toMatchObject({ hasOlder: true, failed: [] });
    await timeline.loadOlder();
    await until(() => view().failed.length > 0);
    expect(view()).toMatchObject({ hasOlder: true, failed: ['older'], loading: undefined, phase: 'ready' });

    await rig.client.connect();
    await until(() => seqsOf(view())[0] === 51);
    expect(seqsOf(view())).toEqual(range(51, 300));
    expect(view().failed).toEqual([]);
  });

  test('a page that the server refuses is said to be missing, and can be asked for again', async () => {
    const connection = await keep({ lastSeq: 300, kept: 100 });
    timeline = new Timeline(rig.client, g1, me);
    readAll();
    await timeline.open();
    rig.server.answer = (peer, frame) => {
      if (frame.type !== 'history') return rig.answer(peer, frame);
      connection.send({ type: 'error', id: frame.id, code: 'internal', message: 'no' });
      return true;
    };
    await timeline.loadOlder();
    await until(() => view().failed.length > 0);
    rig.server.answer = (peer, frame) => rig.answer(peer, frame);
    await timeline.loadOlder();
    await until(() => seqsOf(view())[0] === 101);
    expect(view().failed).toEqual([]);
  });

  test('[C10] a jump to a kept message shows it, though what stands before it is not kept', async () => {
    await keep({ lastSeq: 300, kept: 150 });
    readAll();
    await restart();
    await timeline.open();
    await ready();
    await timeline.show(155 as Seq);
    await ready();
    expect(seqsOf(view()).slice(0, 2)).toEqual([155, 156]);
    expect(Number(timeline.target.get())).toBe(155);
    expect(view()).toMatchObject({ hasOlder: true, hasNewer: true, missedTarget: undefined });
    await timeline.loadNewer();
    await ready();
    expect(seqsOf(view())).toEqual(range(155, 300));
  });

  test('[C10] a jump beyond the kept part leaves the window, is said to have failed, and is done with the connection', async () => {
    await keep({ lastSeq: 300, kept: 100 });
    readAll();
    await restart();
    await timeline.open();
    await ready();
    await timeline.show(50 as Seq);
    await until(() => view().missedTarget !== undefined);
    expect([Number(view().missedTarget), timeline.target.get()]).toEqual([50, undefined]);
    expect(seqsOf(view())).toEqual(range(201, 300));
    rig.lastSeq = 305; // what others wrote meanwhile does not replace it
    await rig.client.connect();
    await until(() => Number(timeline.target.get()) === 50);
    await until(() => seqsOf(view()).includes(50));
    expect(seqsOf(view())).toEqual(range(30, 129));
    expect(view()).toMatchObject({ missedTarget: undefined, hasNewer: true });
  });

  test('[D5] a jump to a message that is not kept any more leaves the window, and says so until that is dismissed', async () => {
    const connection = await keep({ lastSeq: 300, kept: 100 });
    readAll();
    timeline = new Timeline(rig.client, g1, me);
    await timeline.open();
    await ready();
    const shown = seqsOf(view());
    rig.server.answer = (peer, frame) => {
      if (frame.type !== 'history') return rig.answer(peer, frame);
      const entries = range(101, 200).map((seq) => message(seq));
      const page = { entries, first_seq: 101, last_seq: 300, has_more: true };
      connection.send({ type: 'history_result', id: frame.id, conversation_id: g1, ...page });
      return true;
    };
    await timeline.show(50 as Seq);
    await until(() => view().isTargetGone);
    expect([seqsOf(view()), timeline.target.get(), view().phase]).toEqual([shown, undefined, 'ready']);
    expect(view()).toMatchObject({ hasNewer: false, missedTarget: undefined });
    timeline.forgetTarget();
    await until(() => !view().isTargetGone);
  });

  test('[C10] messages that are known and not kept are said to be missing at the end', async () => {
    const connection = await keep({ lastSeq: 40, kept: 40 });
    readAll();
    connection.close(4000);
    await until(() => rig.client.state.type === 'reconnecting');
    rig.lastSeq = 50;
    let isAsked = false;
    rig.server.answer = (peer, frame) => {
      if (frame.type === 'sync')
        sendSync(peer, frame, [{ ...conversation(50), read_seq: 40, delivered_seq: 40, unread: 10 }]);
      else if (frame.type === 'catch_up')
        isAsked = true; // and is never answered
      else return false;
      return true;
    };
    await rig.again();
    await until(() => isAsked);
    await restart();
    await timeline.open();
    await ready();
    expect(seqsOf(view()).at(-1)).toBe(40);
    expect(rig.client.conversation(g1)).toMatchObject({ lastSeq: 50, unread: 10 } as object);
    expect(view()).toMatchObject({ isBehind: true, hasNewer: false });
    rig.server.answer = (peer, frame) => rig.answer(peer, frame);
    await rig.client.connect();
    await until(() => seqsOf(view()).at(-1) === 50);
    expect(seqsOf(view())).toEqual(range(seqsOf(view())[0] ?? 0, 50));
    expect(view().isBehind).toBe(false);
  });

  test('[C10] unread messages are read from the first, where it is kept', async () => {
    await keep({ lastSeq: 300, kept: 250 });
    rig.client.markRead(g1, 100 as Seq);
    await restart();
    await timeline.open();
    await ready();
    expect(seqsOf(view())).toEqual(range(81, 180));
    expect(view()).toMatchObject({ hasNewer: true, skipsUnread: false });
  });

  test('[C10] [D7] where the first unread message is not kept nothing counts as read, and reading begins there with the connection', async () => {
    await keep({ lastSeq: 300, kept: 50 });
    rig.client.markRead(g1, 100 as Seq);
    await restart();
    await timeline.open();
    await ready();
    expect(seqsOf(view())).toEqual(range(251, 300));
    expect(view()).toMatchObject({ hasOlder: true, skipsUnread: true });
    const { opening } = view();
    await rig.client.connect();
    await until(() => view().opening > opening && view().phase === 'ready');
    expect(seqsOf(view())).toEqual(range(81, 180));
    expect(view().skipsUnread).toBe(false);
  });

  test.each([
    ['', () => Promise.resolve(), 300],
    [', unless the reader went to a message', () => timeline.show(120 as Seq), 180],
  ])('[C10] what was unread when it was kept, and is read, leads to the newest message%s', async (_, move, newest) => {
    await keep({ lastSeq: 300, kept: 250 });
    rig.client.markRead(g1, 100 as Seq);
    await restart();
    await timeline.open();
    await ready();
    await move();
    await ready();
    rig.server.answer = (peer, frame) => {
      if (frame.type !== 'sync') return rig.answer(peer, frame);
      sendSync(peer, frame, [{ ...conversation(300), read_seq: 300, delivered_seq: 300, unread: 0 }]);
      return true;
    };
    await rig.client.connect();
    await until(() => rig.client.conversation(g1)?.unread === 0);
    await until(() => rig.client.state.type === 'online');
    await ready();
    expect(seqsOf(view()).at(-1)).toBe(newest);
  });

  test('[C10] changes of messages that are not kept, and of those that are, leave the window where it is', async () => {
    await keep({ lastSeq: 300, kept: 100 });
    rig.client.markRead(g1, 290 as Seq);
    await restart();
    await timeline.open();
    await ready();
    const { opening } = view();
    const shown = seqsOf(view());
    const reaction = (seq: number, target_seq: number) => {
      const { type: _, ...entry } = message(seq);
      return { ...entry, count: 300, content: { type: 'hongyan.reaction', target_seq, key: '👍', op: 'add' } };
    };
    rig.server.answer = (peer, frame) => {
      if (frame.type === 'sync')
        sendSync(peer, frame, [{ ...conversation(302), last_count: 300, read_seq: 290, unread: 10 }]);
      else if (frame.type === 'catch_up') {
        const page = { entries: [reaction(301, 7), reaction(302, 295)], first_seq: 1, last_seq: 302, has_more: false };
        peer.send({ type: 'catch_up_result', id: frame.id, conversation_id: g1, ...page });
      } else return false;
      return true;
    };
    await rig.client.connect();
    await until(() => view().messages.some(({ reactions }) => reactions !== undefined));
    expect(
      view()
        .messages.filter(({ reactions }) => reactions)
        .map(({ seq }) => Number(seq)),
    ).toEqual([295]);
    expect(view().opening).toBe(opening);
    expect(seqsOf(view())).toEqual(shown);
    expect(rig.client.conversation(g1)?.unread).toBe(10);
  });

  test('a reader in the middle of the conversation stays there when the connection comes back', async () => {
    await keep({ lastSeq: 300, kept: 100 });
    readAll();
    timeline = new Timeline(rig.client, g1, me);
    rig.client.on('state', () => timeline.connectionChanged());
    rig.client.on('message', (one) => timeline.accept(one));
    await timeline.open();
    await timeline.show(50 as Seq);
    await until(() => seqsOf(view())[0] === 30);
    rig.server.connections.at(-1)?.close(4000);
    await rig.again();
    await until(() => rig.client.state.type === 'online');
    await ready();
    expect(seqsOf(view())).toEqual(range(30, 129));
  });

  test('a conversation of which nothing is kept is said to be so, and is there with the connection', async () => {
    await rig.client.close();
    rig.create(storage);
    rig.lastSeq = 30;
    await rig.begin();
    readAll();
    await restart();
    await timeline.open();
    await until(() => view().phase === 'failed');
    await rig.client.connect();
    await ready();
    expect(seqsOf(view())).toEqual(range(1, 30));
  });
});
