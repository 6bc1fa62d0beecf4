// Every storage keeps the same promises: memory, and IndexedDB (here its published reference implementation; a real browser runs in tests/e2e).

import 'fake-indexeddb/auto';
import { describe, expect, test } from 'bun:test';
import type { ClientMsgId, ConversationId, DeviceId, UserId } from '@hongyan/protocol/ids';
import type { ClientStorage, OutboxItem } from './api.ts';
import { createIndexedDbStorage } from './indexed-db-storage.ts';
import { createMemoryStorage } from './memory-storage.ts';

let count = 0;
/** `open` gives the same data each time; a memory storage is itself the data. */
const storages: readonly { readonly name: string; make(): () => ClientStorage }[] = [
  {
    name: 'memory',
    make: () => {
      const storage = createMemoryStorage();
      return () => storage;
    },
  },
  {
    name: 'indexed db',
    make: () => {
      const name = `storage-test-${count++}`;
      return () => createIndexedDbStorage(name);
    },
  },
];

const conversationId = 'd:me:you' as ConversationId;
const deviceId = 'phone' as DeviceId;
const userId = 'me' as UserId;
const item = (key: string, no: number): OutboxItem => ({
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

describe.each([...storages])('$name', ({ make }) => {
  test('an empty storage loads as empty', async () => {
    expect(await make()().load()).toEqual({ meta: {}, outbox: [], conversations: [] });
  });

  test('[C4] what was put is there for the next run, replaced by its key, and gone when deleted', async () => {
    const open = make();
    const storage = open();
    await storage.putOutbox(item('a', 1));
    await storage.putOutbox(item('b', 2));
    await storage.putOutbox({ ...item('a', 1), no: 3 });
    await storage.deleteOutbox('b' as ClientMsgId);
    await storage.putConversations([
      { conversationId, state: { shownSeq: 1, receipts: [['you', { readSeq: 1 }]] } },
      { conversationId: 'g:1' as ConversationId, state: {} },
    ]);
    await storage.deleteConversation('g:1' as ConversationId);
    const kept = await open().load();
    expect(kept.outbox).toEqual([{ ...item('a', 1), no: 3 }]);
    expect(kept.conversations).toEqual([
      { conversationId, state: { shownSeq: 1, receipts: [['you', { readSeq: 1 }]] } },
    ]);
  });

  test('meta keeps the fields that are not given', async () => {
    const open = make();
    await open().saveMeta({ deviceId, userId });
    await open().saveMeta({ cursor: '1~2' });
    expect((await open().load()).meta).toEqual({ deviceId, userId, cursor: '1~2' });
  });

  test('[C8] clear leaves the device id alone', async () => {
    const open = make();
    const storage = open();
    await storage.saveMeta({ deviceId, userId, cursor: '1~2' });
    await storage.putOutbox(item('a', 1));
    await storage.putConversations([{ conversationId, state: {} }]);
    await storage.clear();
    expect(await open().load()).toEqual({ meta: { deviceId }, outbox: [], conversations: [] });
  });

  test('calls made at once take effect in the order they were made', async () => {
    const open = make();
    const storage = open();
    await Promise.all([
      storage.putOutbox(item('a', 1)),
      storage.deleteOutbox('a' as ClientMsgId),
      storage.putOutbox(item('b', 2)),
      storage.saveMeta({ cursor: 'old' }),
      storage.saveMeta({ cursor: 'new' }),
    ]);
    const kept = await open().load();
    expect(kept.outbox.map(({ message }) => String(message.clientMsgId))).toEqual(['b']);
    expect(kept.meta.cursor).toBe('new');
  });
});

test('[C8] an indexed db that the browser closed behind its back is opened again', async () => {
  const name = `storage-test-${count++}`;
  const handles: IDBDatabase[] = [];
  const { open } = indexedDB;
  indexedDB.open = (...args) => {
    const request = open.apply(indexedDB, args);
    request.addEventListener('success', () => handles.push(request.result));
    return request;
  };
  try {
    const storage = createIndexedDbStorage(name);
    await storage.putOutbox(item('a', 1));
    for (const handle of handles) handle.close();
    await Promise.all([storage.putOutbox(item('b', 2)), storage.deleteOutbox('a' as ClientMsgId)]);
    for (const handle of handles) handle.close();
    expect((await storage.load()).outbox.map(({ no }) => no)).toEqual([2]);
  } finally {
    indexedDB.open = open;
  }
});

test('[C8] an indexed db of an earlier version is emptied and opened', async () => {
  const name = `storage-test-${count++}`;
  const old = indexedDB.open(name, 1);
  old.onupgradeneeded = () => old.result.createObjectStore('meta').put({ cursor: 'old' }, 'meta');
  await new Promise((resolve) => {
    old.onsuccess = resolve;
  });
  old.result.close();
  const storage = createIndexedDbStorage(name);
  expect((await storage.load()).meta.cursor).toBeUndefined();
  await storage.putOutbox(item('a', 1));
  expect((await storage.load()).outbox.map(({ no }) => no)).toEqual([1]);
});
