// What every storage promises, as cases that run in any runtime: under Bun for memory and SQLite, in a browser's page for IndexedDB.

import type { ClientMsgId, ConversationId, DeviceId, Seq, UserId } from '@hongyan/protocol/ids';
import type { ClientMessage } from '../api.ts';
import type { ClientStorage, OutboxItem } from '../client-storage.ts';

export interface StorageCase {
  readonly title: string;
  /** `open` gives the same data each time: what the next run of a program finds. Resolves with JSON. */
  run(open: () => ClientStorage): Promise<unknown>;
  readonly expected: unknown;
}

const conversationId = 'd:me:you' as ConversationId;
const other = 'g:1' as ConversationId;
const deviceId = 'phone' as DeviceId;
const userId = 'me' as UserId;
const you = 'you' as UserId;

export const item = (key: string, no: number): OutboxItem => ({
  no,
  target: { conversationId },
  message: {
    conversationId,
    clientMsgId: key as ClientMsgId,
    from: userId,
    content: { type: 'text', text: '鸿雁 🪿' },
    timestampMs: 1,
    status: 'queued',
  },
});

const message = (seq: number, text = `text ${seq}`): ClientMessage => ({
  ...item(`k${seq}`, seq).message,
  content: { type: 'text', text },
  seq: seq as Seq,
  status: 'ack',
});
const textsOf = (messages: readonly ClientMessage[]) => messages.map(({ content }) => content.text);
const all = (of = conversationId) => ({ conversationId: of, fromSeq: 1, throughSeq: 1_000 });
const put = (of: ConversationId, ...seqs: number[]) => ({
  conversationId: of,
  state: {},
  messages: seqs.map((seq) => message(seq)),
});

export const storageContract: readonly StorageCase[] = [
  {
    title: 'an empty storage loads as empty',
    run: (open) => open().load(),
    expected: { meta: {}, outbox: [], conversations: [] },
  },
  {
    title: '[C4] what was put is there for the next run, replaced by its key, and gone when deleted',
    async run(open) {
      const storage = open();
      await storage.putOutbox(item('a', 1));
      await storage.putOutbox(item('b', 2));
      await storage.putOutbox({ ...item('a', 1), no: 3 });
      await storage.deleteOutbox('b' as ClientMsgId);
      await storage.putConversations([
        { conversationId, state: { shownSeq: 1, receipts: [['you', { readSeq: 1 }]] } },
        { conversationId: other, state: {} },
      ]);
      await storage.deleteConversation(other);
      return open().load();
    },
    expected: {
      meta: {},
      outbox: [{ ...item('a', 1), no: 3 }],
      conversations: [{ conversationId, state: { shownSeq: 1, receipts: [['you', { readSeq: 1 }]] } }],
    },
  },
  {
    title: 'meta keeps the fields that are not given',
    async run(open) {
      await open().saveMeta({ deviceId, userId });
      await open().saveMeta({ cursor: '1~2' });
      return (await open().load()).meta;
    },
    expected: { deviceId, userId, cursor: '1~2' },
  },
  {
    title: '[C8] clear leaves the device id alone',
    async run(open) {
      const storage = open();
      await storage.saveMeta({ deviceId, userId, cursor: '1~2' });
      await storage.putOutbox(item('a', 1));
      await storage.putConversations([put(conversationId, 1)]);
      await storage.clear();
      return [await open().load(), await open().messages(all())];
    },
    expected: [{ meta: { deviceId }, outbox: [], conversations: [] }, []],
  },
  {
    title:
      '[C8] with an owner, calls reject and change nothing where the data is of another user; clear has nothing to do',
    async run(open) {
      const storage = open();
      await storage.saveMeta({ deviceId, userId });
      await storage.putOutbox(item('a', 1), userId);
      await storage.putConversations([put(conversationId, 1)], userId);
      const before = JSON.stringify(await open().load());
      const calls: ((kept: ClientStorage) => Promise<unknown>)[] = [
        (kept) => kept.saveMeta({ cursor: 'c' }, you),
        (kept) => kept.putOutbox(item('b', 2), you),
        (kept) => kept.deleteOutbox('a' as ClientMsgId, you),
        (kept) => kept.putConversations([put(conversationId, 1, 2)], you),
        (kept) => kept.messages(all(), you),
        (kept) => kept.deleteConversation(conversationId, you),
      ];
      const outcomes: string[] = [];
      for (const call of calls) {
        const outcome = call(open()).then(
          () => 'resolved',
          () => 'rejected',
        );
        outcomes.push(await outcome);
      }
      await open().clear(you);
      const isSame = JSON.stringify(await open().load()) === before;
      const own = textsOf(await open().messages(all(), userId));
      await open().clear(userId);
      const left = await open().load();
      return [outcomes, isSame, own, left];
    },
    expected: [Array(6).fill('rejected'), true, ['text 1'], { meta: { deviceId }, outbox: [], conversations: [] }],
  },
  {
    title: 'calls made at once take effect in the order they were made',
    async run(open) {
      const storage = open();
      await Promise.all([
        storage.putOutbox(item('a', 1)),
        storage.deleteOutbox('a' as ClientMsgId),
        storage.putOutbox(item('b', 2)),
        storage.saveMeta({ cursor: 'old' }),
        storage.saveMeta({ cursor: 'new' }),
        storage.putConversations([put(conversationId, 1, 2)]),
        storage.putConversations([{ ...put(conversationId, 3), deleteBeforeSeq: 2 }]),
      ]);
      const { outbox, meta } = await open().load();
      return [outbox.map(({ no }) => no), meta.cursor, textsOf(await open().messages(all()))];
    },
    expected: [[2], 'new', ['text 2', 'text 3']],
  },
  {
    title:
      '[C10] messages are read by range, ascending by seq, whatever order they were put in, each conversation by itself',
    async run(open) {
      await open().putConversations([
        put(conversationId, 9, 10, 11),
        put('d:me:you2' as ConversationId, 10),
        put(other, 10),
      ]);
      await open().putConversations([put(conversationId, 2, 100, 3)]);
      const range = (fromSeq: number, throughSeq: number) => open().messages({ conversationId, fromSeq, throughSeq });
      return [await range(1, 100), await range(3, 10), await range(4, 8), await range(101, 200)].map(textsOf);
    },
    expected: [
      ['text 2', 'text 3', 'text 9', 'text 10', 'text 11', 'text 100'],
      ['text 3', 'text 9', 'text 10'],
      [],
      [],
    ],
  },
  {
    title: '[C10] a message is kept whole, and replaced by its seq',
    async run(open) {
      await open().putConversations([put(conversationId, 1)]);
      const edited = { ...message(1, 'edited'), reactions: [{ key: '👍', count: 1, isMine: true }], asOfSeq: 3 as Seq };
      await open().putConversations([{ conversationId, state: {}, messages: [edited] }]);
      return open().messages(all());
    },
    expected: [{ ...message(1, 'edited'), reactions: [{ key: '👍', count: 1, isMine: true }], asOfSeq: 3 }],
  },
  {
    title: '[C10] messages before a seq are deleted before others are put, and only those of their conversation',
    async run(open) {
      await open().putConversations([put(conversationId, 1, 2, 3), put(other, 1)]);
      await open().putConversations([{ ...put(conversationId, 1), deleteBeforeSeq: 3 }]);
      const some = textsOf(await open().messages(all()));
      await open().putConversations([{ ...put(conversationId, 7), deleteBeforeSeq: Number.MAX_SAFE_INTEGER }]);
      return [some, textsOf(await open().messages(all())), textsOf(await open().messages(all(other)))];
    },
    expected: [['text 1', 'text 3'], ['text 7'], ['text 1']],
  },
  {
    title: '[C8] the messages of a conversation go with it',
    async run(open) {
      await open().putConversations([put(conversationId, 1, 2), put(other, 1)]);
      await open().deleteConversation(conversationId);
      return [await open().messages(all()), textsOf(await open().messages(all(other)))];
    },
    expected: [[], ['text 1']],
  },
];
