// What storage.test.ts runs in the page of a browser.

import type { ClientMsgId, ConversationId, Seq } from '@hongyan/client/api';
import { createIndexedDbStorage } from '@hongyan/client/indexed-db-storage';
import { item, storageContract } from '@hongyan/client/testing/storage-contract';

const conversationId = 'g:1' as ConversationId;

const storagePage = {
  runCase: (index: number, name: string): Promise<unknown> | undefined =>
    storageContract[index]?.run(() => createIndexedDbStorage(name)),

  /** Numbers of the outbox items that are there after the browser closed the database twice. */
  async writeWhileClosed(name: string): Promise<number[]> {
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
      return (await storage.load()).outbox.map(({ no }) => no);
    } finally {
      indexedDB.open = open;
    }
  },

  /** Opens a database that an earlier version of the library made, and keeps a message in it. */
  async upgradeFrom(name: string, version: number) {
    const old = indexedDB.open(name, version);
    old.onupgradeneeded = () => {
      old.result.createObjectStore('meta').put({ cursor: 'old' }, 'meta');
      old.result.createObjectStore('outbox');
      old.result.createObjectStore('conversations').put({ conversationId, state: { shownSeq: 1 } }, conversationId);
    };
    await new Promise((resolve) => {
      old.onsuccess = resolve;
    });
    old.result.close();
    const storage = createIndexedDbStorage(name);
    const { meta, conversations } = await storage.load();
    const messages = [{ ...item('k', 1).message, seq: 1 as Seq }];
    await storage.putConversations([{ conversationId, state: {}, messages }]);
    const kept = await storage.messages({ conversationId, fromSeq: 1, throughSeq: 9 });
    return { meta, conversations, messageCount: kept.length };
  },
};

export type StoragePage = typeof storagePage;

Object.assign(globalThis, { storagePage });
