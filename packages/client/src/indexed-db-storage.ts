// The browser's storage: an outbox and conversations that survive a reload and a closed browser.

import type { ClientStorage, OutboxItem, StoredConversation, StoredMeta } from './api.ts';

/** Raised when what is stored changes its form; what an older version stored is discarded and loaded anew from the server. */
const version = 3;
const stores = ['meta', 'outbox', 'conversations'] as const;
type StoreName = (typeof stores)[number];
const metaKey = 'meta';

/** Each name is a separate database: it should contain the server and the user. Rejections carry the browser's DOMException. */
export function createIndexedDbStorage(name: string): ClientStorage {
  let opened: Promise<IDBDatabase> | undefined;
  const database = () => {
    // Tried again at the next call when it failed or was closed: a full disk may have room again.
    const forget = () => {
      opened = undefined;
    };
    opened ??= openDatabase(name, forget).catch((error: unknown) => {
      forget();
      throw error;
    });
    return opened;
  };

  /** Browsers close databases without always reporting it: then it is opened again, once. */
  async function begin(names: readonly StoreName[], mode: IDBTransactionMode): Promise<IDBTransaction> {
    const asked = database();
    const current = await asked;
    try {
      return current.transaction(names, mode);
    } catch {
      // The first call that finds it closed opens it for all.
      if (opened === asked) opened = undefined;
      return (await database()).transaction(names, mode);
    }
  }

  async function write(names: readonly StoreName[], change: (store: (name: StoreName) => IDBObjectStore) => void) {
    const transaction = await begin(names, 'readwrite');
    const done = finished(transaction);
    change((storeName) => transaction.objectStore(storeName));
    await done;
  }

  return {
    async load() {
      const transaction = await begin(stores, 'readonly');
      const [meta, outbox, conversations] = await Promise.all([
        result<StoredMeta | undefined>(transaction.objectStore('meta').get(metaKey)),
        result<OutboxItem[]>(transaction.objectStore('outbox').getAll()),
        result<StoredConversation[]>(transaction.objectStore('conversations').getAll()),
      ]);
      return { meta: meta ?? {}, outbox, conversations };
    },
    saveMeta: (fields) =>
      write(['meta'], (store) => {
        const asked = store('meta').get(metaKey);
        asked.onsuccess = () => store('meta').put({ ...asked.result, ...fields }, metaKey);
      }),
    putOutbox: (item) => write(['outbox'], (store) => void store('outbox').put(item, item.message.clientMsgId)),
    deleteOutbox: (clientMsgId) => write(['outbox'], (store) => void store('outbox').delete(clientMsgId)),
    putConversations: (changed) =>
      write(['conversations'], (store) => {
        for (const stored of changed) store('conversations').put(stored, stored.conversationId);
      }),
    deleteConversation: (conversationId) =>
      write(['conversations'], (store) => void store('conversations').delete(conversationId)),
    clear: () =>
      write(stores, (store) => {
        const asked = store('meta').get(metaKey);
        asked.onsuccess = () => {
          const { deviceId } = (asked.result ?? {}) as StoredMeta;
          store('meta').put(deviceId === undefined ? {} : { deviceId }, metaKey);
        };
        store('outbox').clear();
        store('conversations').clear();
      }),
  };
}

function openDatabase(name: string, onClosed: () => void): Promise<IDBDatabase> {
  const request = indexedDB.open(name, version);
  request.onupgradeneeded = () => {
    const database = request.result;
    for (const store of [...database.objectStoreNames]) database.deleteObjectStore(store);
    for (const store of stores) database.createObjectStore(store);
  };
  return result(request).then((database) => {
    // A tab with a later version of the page may upgrade it.
    database.onversionchange = () => {
      database.close();
      onClosed();
    };
    database.onclose = onClosed;
    return database;
  });
}

function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function finished(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
    transaction.onerror = () => reject(transaction.error);
  });
}
