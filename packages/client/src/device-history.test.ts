// The messages that a device keeps: whatever was shown, read, restarted or dropped, a kept page is a page of the conversation as it is.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { rejectionOf } from '@hongyan/testing/rejection';
import { testSeed } from '@hongyan/testing/seed';
import { until } from '@hongyan/testing/until';
import fc from 'fast-check';
import type { ClientEvents, HistoryPage, HistoryRequest } from './api.ts';
import { eventNames } from './client-events.ts';
import type { ClientStorage } from './client-storage.ts';
import type { ConversationState } from './conversation-state.ts';
import { Conversations } from './conversations.ts';
import { Emitter } from './emitter.ts';
import { isMessage } from './entry-kind.ts';
import { createMemoryStorage } from './memory-storage.ts';
import { nothingOwn } from './private-state.ts';
import { SafeStorage } from './safe-storage.ts';
import { ModelTimeline } from './testing/model-timeline.ts';
import type { ScriptedConnection } from './testing/scripted-server.ts';
import { entry, message, SessionRig } from './testing/session-rig.ts';

const g1 = 'g:1' as ConversationId;
const me = 'me' as UserId;
const seqsOf = ({ messages }: HistoryPage) => messages.map(({ seq }) => Number(seq));

describe('a client', () => {
  let rig: SessionRig;
  beforeEach(() => {
    rig = new SessionRig();
    rig.lastSeq = 5;
  });
  afterEach(() => rig.stop());

  /** Without the connection's own. */
  const asked = (type: string) =>
    rig.server.connections.flatMap(({ frames }) => frames.filter((frame) => frame.type === type));
  const newest = (more: Partial<HistoryRequest> = {}) => rig.client.history({ conversationId: g1, limit: 10, ...more });
  const change = (seq: number, content: object) => ({
    ...message(seq),
    type: 'entry',
    content: content as never,
    count: 5,
  });
  async function pushed(connection: ScriptedConnection, frame: ReturnType<typeof message>): Promise<void> {
    rig.lastSeq = frame.seq;
    connection.send(frame);
    await until(() => Number(rig.client.conversation(g1)?.lastSeq) === frame.seq);
  }
  /** What the storage has, as text. */
  const stored = async () =>
    JSON.stringify([
      await rig.storage.load(),
      await rig.storage.messages({ conversationId: g1, fromSeq: 1, throughSeq: 99 }),
    ]);
  async function restart(): Promise<void> {
    await rig.client.close();
    rig.create();
  }

  test('[C10] a page is read from the server once; after a restart without a network it is there, with what changed', async () => {
    const connection = await rig.begin();
    expect(seqsOf(await newest())).toEqual([1, 2, 3, 4, 5]);
    await pushed(
      connection,
      change(6, { type: 'hongyan.edit', target_seq: 2, content: { type: 'text', text: 'new' } }),
    );
    await pushed(connection, change(7, { type: 'hongyan.reaction', target_seq: 3, key: '👍', op: 'add' }));
    await pushed(connection, { ...message(8), count: 6 });
    expect(seqsOf(await newest())).toEqual([1, 2, 3, 4, 5, 8]);
    expect(asked('history')).toHaveLength(1);

    await restart();
    const { messages, lastSeq, firstSeq, hasMore } = await newest();
    expect(messages.map(({ content }) => content.text)).toEqual(['1', 'new', '3', '4', '5', '8']);
    expect(messages[1]).toMatchObject({ edited: 6, asOfSeq: 6 });
    expect(messages[2]?.reactions).toEqual([{ key: '👍', count: 1, isMine: false }]);
    expect([firstSeq, lastSeq, hasMore].map(Number)).toEqual([1, 8, 0]);
    expect(seqsOf(await newest({ beforeSeq: 5 as Seq, limit: 2 }))).toEqual([3, 4]);
    expect(seqsOf(await newest({ afterSeq: 3 as Seq, limit: 2 }))).toEqual([4, 5]);
    expect(asked('history')).toHaveLength(1);
  });

  test('[C10] back online it asks for the entries after those it has, and for no message again', async () => {
    await rig.begin();
    await newest();
    await restart();
    expect(seqsOf(await newest())).toEqual([1, 2, 3, 4, 5]);
    rig.server.answer = (peer, frame) => {
      if (frame.type !== 'catch_up') return rig.answer(peer, frame);
      const { type: _, ...edit } = change(6, {
        type: 'hongyan.edit',
        target_seq: 5,
        content: { type: 'text', text: 'n' },
      });
      const page = { entries: [edit], first_seq: 1, last_seq: 6, has_more: false };
      peer.send({ type: 'catch_up_result', id: frame.id, conversation_id: g1, ...page });
      return true;
    };
    rig.lastSeq = 6;
    await rig.client.connect();
    expect((await newest()).messages.at(-1)).toMatchObject({ content: { text: 'n' }, edited: 6 });
    expect(asked('history')).toHaveLength(1);
    expect(asked('catch_up').map(({ after_seq }) => after_seq)).toEqual([5]);
  });

  test('[C10] [E9] without a network the pinned messages are those that it keeps, however far back', async () => {
    rig.lastSeq = 450;
    const connection = await rig.begin();
    await newest({ limit: 450 });
    for (const [seq, target] of [2, 449, 300].entries())
      await pushed(connection, change(451 + seq, { type: 'hongyan.pin', target_seq: target, pinned: true }));
    await pushed(connection, change(454, { type: 'hongyan.recall', target_seq: 300 }));
    const pinnedSeqs = async () => (await rig.client.pinned(g1)).map(({ seq }) => Number(seq));
    await restart();
    expect(await pinnedSeqs()).toEqual([2, 449]);
    // What the server says counts once it can be asked.
    rig.server.http = () => Response.json({ entries: [{ ...entry(7), pinned: true }] });
    await rig.client.connect();
    expect(await pinnedSeqs()).toEqual([7]);
  });

  test('[D5] what the storage has lost is read from the server, where all of a page is missing and where its beginning is', async () => {
    await rig.begin();
    await newest();
    await restart();
    await rig.client.connect();
    const { state } = (await rig.storage.load()).conversations[0] ?? {};
    await rig.storage.putConversations([{ conversationId: g1, state, deleteBeforeSeq: 4 }]);
    expect(seqsOf(await newest({ beforeSeq: 4 as Seq }))).toEqual([1, 2, 3]);
    await restart();
    await rig.client.connect();
    expect(seqsOf(await newest())).toEqual([1, 2, 3, 4, 5]);
    expect(asked('history')).toHaveLength(3);
  });

  test('[E5] a recalled text is gone from the device', async () => {
    const connection = await rig.begin();
    await newest();
    await pushed(connection, { ...message(6), content: { type: 'text', text: 'a secret' } });
    await newest();
    expect(await stored()).toContain('a secret');
    await pushed(connection, change(7, { type: 'hongyan.recall', target_seq: 6 }));
    expect((await newest()).messages.at(-1)).toMatchObject({ isRecalled: true });
    expect(await stored()).not.toContain('a secret');
  });

  test('[E5] what quotes a recalled message loses the quote on the device too', async () => {
    const connection = await rig.begin();
    await newest();
    await pushed(connection, { ...message(6), content: { type: 'text', text: 'a secret' } });
    const reply_to = { seq: 6, from: 'you', content: { type: 'text', text: 'a secret' } };
    await pushed(connection, { ...message(7), reply_to } as never);
    await newest();
    rig.clock.advance(1_000);
    await pushed(connection, change(8, { type: 'hongyan.recall', target_seq: 6 }));
    expect((await newest()).messages.at(-1)?.replyTo).toMatchObject({ seq: 6, isRecalled: true });
    expect(await stored()).not.toContain('a secret');
  });

  test('[D5] a page that does not touch what is kept is not kept, and what lies between is read from the server', async () => {
    rig.lastSeq = 50;
    await rig.begin();
    expect(seqsOf(await newest({ limit: 5 }))).toEqual([46, 47, 48, 49, 50]);
    expect(seqsOf(await newest({ beforeSeq: 20 as Seq, limit: 5 }))).toEqual([15, 16, 17, 18, 19]);
    expect(seqsOf(await newest({ beforeSeq: 50 as Seq, limit: 5 }))).toEqual([45, 46, 47, 48, 49]);
    expect(asked('history')).toHaveLength(3);
    await restart();
    const { hasMore, ...page } = await newest({ limit: 20 });
    expect([seqsOf({ hasMore, ...page }), hasMore]).toEqual([[45, 46, 47, 48, 49, 50], true]);
    for (const bound of [{ beforeSeq: 45 as Seq }, { beforeSeq: 20 as Seq }, { afterSeq: 14 as Seq }]) {
      expect(await rejectionOf(newest(bound))).toMatchObject({ code: 'unavailable' });
    }
  });

  test('[E2] a page that was on its way while one of its messages changed is not kept without the change', async () => {
    const connection = await rig.begin();
    let answer = () => {};
    rig.server.answer = (peer, frame) => {
      if (frame.type !== 'history') return rig.answer(peer, frame);
      rig.server.answer = (...args) => rig.answer(...args);
      rig.lastSeq = 5;
      answer = () => peer.send({ type: 'history_result', id: frame.id, conversation_id: g1, ...page });
      return true;
    };
    const page = { entries: [1, 2, 3, 4, 5].map((seq) => entry(seq)), first_seq: 1, last_seq: 5, has_more: false };
    const reading = newest();
    await until(() => asked('history').length === 1);
    await pushed(connection, change(6, { type: 'hongyan.reaction', target_seq: 3, key: '👍', op: 'add' }));
    rig.clock.advance(1_000);
    await until(async () => (await stored()).includes('"shownSeq":6'));
    answer();
    expect((await reading).messages).toHaveLength(5);
    rig.server.answer = (peer, frame) => {
      if (frame.type !== 'history') return rig.answer(peer, frame);
      const entries = page.entries.map((one) =>
        one.seq === 3 ? { ...one, reactions: [{ key: '👍', count: 1 }], as_of_seq: 6 } : one,
      );
      peer.send({ type: 'history_result', id: frame.id, conversation_id: g1, ...page, entries, last_seq: 6 });
      return true;
    };
    for (const times of [2, 2]) {
      expect((await newest()).messages[2]?.reactions).toHaveLength(1);
      expect(asked('history')).toHaveLength(times);
    }
  });

  test('[D5] what the server removed is kept no longer', async () => {
    const connection = await rig.begin();
    await newest();
    connection.close(4000);
    await until(() => rig.client.state.type === 'reconnecting');
    rig.lastSeq = 9;
    rig.server.answer = (peer, frame) => {
      if (frame.type !== 'catch_up') return rig.answer(peer, frame);
      const page = { entries: [entry(8), entry(9)], first_seq: 8, last_seq: 9, has_more: false };
      peer.send({ type: 'catch_up_result', id: frame.id, conversation_id: g1, ...page });
      return true;
    };
    await rig.again();
    await until(() => rig.client.state.type === 'online');
    await restart();
    expect(await newest()).toMatchObject({ firstSeq: 8, hasMore: false });
    expect(seqsOf(await newest())).toEqual([8, 9]);
    expect(await stored()).not.toContain('"seq":5,"msgId"');
  });

  test('[C8] a storage that has no room for messages keeps the rest, and history comes from the server', async () => {
    const inner = createMemoryStorage();
    const full: ClientStorage = {
      ...inner,
      async putConversations(changed) {
        if (changed.some(({ messages = [] }) => messages.length > 0)) throw new DOMException('', 'QuotaExceededError');
        await inner.putConversations(changed);
      },
    };
    await rig.client.close();
    rig.create(full);
    const warnings: unknown[] = [];
    rig.client.on('warning', (warning) => warnings.push(warning));
    const connection = await rig.begin();
    await newest();
    await newest();
    expect(asked('history')).toHaveLength(2);
    await pushed(connection, { ...message(6) });
    await newest();
    expect(warnings.length).toBeGreaterThan(0);
    await rig.client.close();
    expect((await inner.load()).conversations).toHaveLength(1);
  });
});

describe('the bound', () => {
  test('[C10] beyond it the messages of the conversation that was opened longest ago go first, the oldest first', async () => {
    const world = new World({ messageBytesMax: 100_000 });
    const ids = ['g:a', 'g:b', 'g:c'] as ConversationId[];
    for (const id of ids) world.addConversation(id);
    const open = async (id: ConversationId) => {
      world.clock.advance(1_000);
      await world.kept(id, {});
    };
    const write = async (id: ConversationId, count: number) => {
      for (let n = 0; n < count; n++) world.timeline(id).say('x'.repeat(200));
      world.deliver(id);
      await world.save();
    };
    for (const id of ids) await write(id, 60);
    for (const id of ['g:b', 'g:c', 'g:a'] as ConversationId[]) await open(id);
    const keptOf = async (id: ConversationId) =>
      (await world.storage.messages({ conversationId: id, fromSeq: 1, throughSeq: 999 })).length;
    expect(await Promise.all(ids.map(keptOf))).toEqual([60, 60, 60]);
    await write('g:a' as ConversationId, 150);
    await world.save();
    const after = await Promise.all(ids.map(keptOf));
    expect(after).toEqual([210, 0, 60]);
    await write('g:a' as ConversationId, 200);
    await world.save();
    const [a = 0, ...rest] = await Promise.all(ids.map(keptOf));
    expect(rest).toEqual([0, 0]);
    expect(a).toBeGreaterThan(200);
    expect(a).toBeLessThan(300);
    expect(seqsOf((await world.kept('g:a' as ConversationId, { limit: 3 })) as HistoryPage)).toEqual([408, 409, 410]);
    await world.restart();
    expect(await world.kept('g:a' as ConversationId, { limit: 3 })).toMatchObject({ lastSeq: 410, hasMore: true });
  });
});

test('[C10] [C11] what a tab that writes nothing has shown takes no more room than what is kept: those opened longest ago lose it', async () => {
  const world = new World({ messageBytesMax: 100_000 });
  const ids = ['g:a', 'g:b', 'g:c'] as ConversationId[];
  for (const id of ids) world.addConversation(id);
  await world.save();
  await world.go();
  const countOf = async (id: ConversationId) => (await world.kept(id, { limit: 999 }))?.messages.length;
  for (const id of ids) {
    for (let n = 0; n < 60; n++) world.timeline(id).say('x'.repeat(200));
    world.deliver(id);
    await world.save();
    world.clock.advance(1_000);
    expect(await countOf(id)).toBe(60);
  }
  for (let n = 0; n < 150; n++) world.timeline('g:c' as ConversationId).say('x'.repeat(200));
  world.deliver('g:c' as ConversationId);
  await world.save();
  expect(await Promise.all(ids.map(countOf))).toEqual([undefined, 60, 210]);
});

test('[C10] [C11] where another tab has deleted the oldest, a page ends there and does not look like the beginning', async () => {
  const world = new World({ messageBytesMax: 105_000 });
  world.addConversation(g1);
  const write = async (count: number) => {
    for (let n = 0; n < count; n++) world.timeline(g1).say('x'.repeat(200));
    world.deliver(g1);
    await world.save();
  };
  await write(250);
  const follower = await world.follower();
  const state = follower.get(g1) as ConversationState;
  const page = (request: Partial<HistoryRequest>) =>
    follower.keptPage(state, { conversationId: g1, limit: 10, ...request }, true);
  expect(seqsOf((await page({ beforeSeq: 11 as Seq })) as HistoryPage)[0]).toBe(1);
  expect(await page({ beforeSeq: 11 as Seq })).toMatchObject({ hasMore: false });
  await write(60);
  await world.save();
  const kept = await world.storage.messages({ conversationId: g1, fromSeq: 1, throughSeq: 999 });
  const oldest = Number(kept[0]?.seq);
  expect(oldest).toBeGreaterThan(1);
  // The follower has shown them too.
  for (let seq = 251; seq <= 310; seq++) follower.add(state, world.timeline(g1).entry(seq));
  expect(await page({ beforeSeq: oldest as Seq })).toBeUndefined();
  expect(await page({ afterSeq: 0 as Seq })).toBeUndefined();
  expect(await page({ afterSeq: (oldest - 10) as Seq })).toBeUndefined();
  const part = (await page({ beforeSeq: (oldest + 3) as Seq })) as HistoryPage;
  expect([seqsOf(part), part.hasMore]).toEqual([[oldest, oldest + 1, oldest + 2], true]);
  expect(seqsOf((await page({ afterSeq: (oldest - 1) as Seq, limit: 2 })) as HistoryPage)).toEqual([
    oldest,
    oldest + 1,
  ]);
});

/** The conversations of one device, run after run and in two tabs, and the timelines of the server. */
class World {
  readonly clock = new ManualClock();
  readonly storage: ClientStorage;
  readonly #timelines = new Map<ConversationId, ModelTimeline>();
  /** Of the tab in which things happen. */
  #conversations: Conversations;
  #leader: Conversations;
  #other: Conversations | undefined;

  constructor(options: { readonly messageBytesMax: number }) {
    this.storage = createMemoryStorage(options);
    this.#conversations = this.#leader = this.#create();
  }

  /** Of another tab, which writes nothing while this one leads. */
  async follower(): Promise<Conversations> {
    const conversations = this.#create();
    conversations.restore((await this.storage.load()).conversations);
    return conversations;
  }

  /** To the other tab. */
  async go(): Promise<void> {
    const other = this.#other ?? (await this.follower());
    this.#other = this.#conversations;
    this.#conversations = other;
  }

  get isLeading(): boolean {
    return this.#leader === this.#conversations;
  }

  /** The tab in which things happen takes the lead from the other one. */
  async lead(): Promise<void> {
    if (this.isLeading) return;
    this.#leader = this.#conversations;
    this.#leader.takeOver((await this.storage.load()).conversations);
  }

  #create(): Conversations {
    const storage = new SafeStorage({
      storage: this.storage,
      clock: this.clock,
      onFailure: (error) => {
        throw error;
      },
    });
    const events = new Emitter<ClientEvents>(eventNames);
    const conversations: Conversations = new Conversations({
      self: me,
      clock: this.clock,
      storage,
      events,
      ownOf: () => nothingOwn,
      isPaused: () => this.#leader !== conversations,
      onProgress: () => {},
    });
    return conversations;
  }

  timeline(id: ConversationId): ModelTimeline {
    const timeline = this.#timelines.get(id);
    if (!timeline) throw new Error(`no ${id}`);
    return timeline;
  }

  state(id: ConversationId) {
    const state = this.#conversations.get(id);
    if (!state) throw new Error(`no ${id}`);
    return state;
  }

  addConversation(id: ConversationId, timeline = new ModelTimeline(id)): void {
    this.#timelines.set(id, timeline);
    this.#conversations.merge(timeline.conversation(), 'newest');
  }

  /** Pushes up to `count` entries that the device has not shown. */
  deliver(id: ConversationId, count = Number.POSITIVE_INFINITY): void {
    const state = this.state(id);
    const timeline = this.timeline(id);
    for (let n = 0; n < count && state.shownSeq < timeline.lastSeq; n++) {
      this.#conversations.add(state, timeline.entry(state.shownSeq + 1));
    }
  }

  read(id: ConversationId, request: Partial<HistoryRequest>, answer = this.timeline(id).history(request)): void {
    this.#conversations.takePage(this.state(id), { conversationId: id, ...request }, answer);
  }

  kept(id: ConversationId, request: Partial<HistoryRequest>): Promise<HistoryPage | undefined> {
    return this.#conversations.keptPage(this.state(id), { conversationId: id, ...request }, true);
  }

  save(): Promise<boolean> {
    return this.#conversations.save();
  }

  /** What was not saved is lost. */
  async restart(): Promise<void> {
    this.#conversations = this.#leader = this.#create();
    this.#conversations.restore((await this.storage.load()).conversations);
  }
}

test('[C10] [C11] [D5] [E2] [E5] after any sequence of events, in two tabs, what is kept is what the server has, without a hole and with every change', async () => {
  const step = fc.record({
    kind: fc.constantFrom(
      'reply',
      'say',
      'say',
      'notice',
      'notice',
      'edit',
      'recall',
      'react',
      'deliver',
      'deliver',
      'read',
      'late',
      'save',
      'restart',
      'go',
      'go',
      'lead',
      'look',
      'look',
    ),
    n: fc.nat(40),
    limit: fc.integer({ min: 1, max: 8 }),
    side: fc.constantFrom('newest', 'before', 'after'),
  });
  let pages = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60, size: 'max' }),
      fc.constantFrom(1_500, 1e6),
      async (steps, messageBytesMax) => {
        const world = new World({ messageBytesMax });
        const timeline = new ModelTimeline(g1);
        for (let n = 0; n < 25; n++) timeline.say(`begin ${n}`);
        world.addConversation(g1, timeline);
        await world.save();
        for (const { kind, n, limit, side } of steps) {
          const seq = Math.min(n, timeline.lastSeq) as Seq;
          const bound = side === 'newest' ? {} : side === 'before' ? { beforeSeq: seq } : { afterSeq: seq };
          const request = { limit, ...bound };
          if (kind === 'say') timeline.say(`text ${timeline.lastSeq}`);
          else if (kind === 'notice') timeline.notice();
          else if (kind === 'reply') timeline.say(`reply ${timeline.lastSeq}`, n);
          else if (kind === 'edit' || kind === 'recall' || kind === 'react') timeline.change(kind, n);
          else if (kind === 'deliver') world.deliver(g1, limit);
          else if (kind === 'read') world.read(g1, request);
          else if (kind === 'late') {
            // The answer was on its way while the entries after it came.
            const answer = timeline.history(request);
            timeline.change('react', n);
            world.deliver(g1);
            world.read(g1, request, answer);
          } else if (kind === 'save') await world.save();
          else if (kind === 'restart') await world.restart();
          else if (kind === 'go') await world.go();
          else if (kind === 'lead') await world.lead();
          else if (world.isLeading) {
            const page = await world.kept(g1, request);
            if (!page) continue;
            pages++;
            expect(timeline.afterAll(page)).toEqual(timeline.expected(page, request));
            expect(page.messages.filter(({ content }) => isMessage(content)).length).toBeLessThanOrEqual(limit);
          }
        }
        await world.lead();
        world.deliver(g1);
        await world.save();
        const messages = await world.storage.messages({ conversationId: g1, fromSeq: 1, throughSeq: 999 });
        const stored = { messages, firstSeq: 1 as Seq, lastSeq: timeline.lastSeq as Seq, hasMore: false };
        expect(timeline.afterAll(stored)).toEqual(timeline.expected(stored, {}));
      },
    ),
    { seed: testSeed('device history'), numRuns: 600 },
  );
  expect(pages).toBeGreaterThan(300);
});
