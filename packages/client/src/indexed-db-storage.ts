// The browser's storage: an outbox and conversations that survive a reload and a closed browser.

import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import type { ClientMessage } from './api.ts';
import type { ClientStorage, OutboxItem, StoredConversation, StoredMeta } from './client-storage.ts';
import { checkOwner, isOwnedBy } from './storage-owner.ts';

/** Raised when what is stored changes its form; what a version before `upgradedVersion` stored is discarded and loaded anew. */
const version = 4;
const upgradedVersion = 3;
const stores = ['meta', 'outbox', 'conversations', 'messages'] as const;
type StoreName = (typeof stores)[number];
const metaKey = 'meta';

/**
 * Each name is a separate database: it should contain the server and the user. Rejections carry the browser's DOMException.
 * `messageBytesMax` as in ClientStorage; default 50 MB.
 */
export function createIndexedDbStorage(name: string, { messageBytesMax = 5e7 } = {}): ClientStorage {
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

  const metaOf = (transaction: IDBTransaction) =>
    result<StoredMeta | undefined>(transaction.objectStore('meta').get(metaKey));

  async function write(
    names: readonly StoreName[],
    owner: UserId | undefined,
    change: (store: (name: StoreName) => IDBObjectStore, meta: StoredMeta) => void,
  ) {
    const transaction = await begin(['meta', ...names], 'readwrite');
    const changed = metaOf(transaction).then((meta = {}) => {
      checkOwner(meta, owner);
      change((storeName) => transaction.objectStore(storeName), meta);
    });
    await Promise.all([changed, finished(transaction)]);
  }

  return {
    messageBytesMax,
    async load() {
      const transaction = await begin(['meta', 'outbox', 'conversations'], 'readonly');
      const [meta, outbox, conversations] = await Promise.all([
        metaOf(transaction),
        result<OutboxItem[]>(transaction.objectStore('outbox').getAll()),
        result<StoredConversation[]>(transaction.objectStore('conversations').getAll()),
      ]);
      return { meta: meta ?? {}, outbox, conversations };
    },
    saveMeta: (fields, owner) =>
      write([], owner, (store, meta) => void store('meta').put({ ...meta, ...fields }, metaKey)),
    putOutbox: (item, owner) =>
      write(['outbox'], owner, (store) => void store('outbox').put(item, item.message.clientMsgId)),
    deleteOutbox: (clientMsgId, owner) => write(['outbox'], owner, (store) => void store('outbox').delete(clientMsgId)),
    putConversations: (changed, owner) =>
      write(['conversations', 'messages'], owner, (store) => {
        for (const { conversationId, state, messages = [], deleteBeforeSeq = 0 } of changed) {
          store('conversations').put({ conversationId, state }, conversationId);
          if (deleteBeforeSeq > 0) store('messages').delete(keysOf(conversationId, 0, deleteBeforeSeq - 1));
          for (const message of messages) store('messages').put(message, [conversationId, message.seq as number]);
        }
      }),
    async messages({ conversationId, fromSeq, throughSeq }, owner) {
      const transaction = await begin(['meta', 'messages'], 'readonly');
      const keys = keysOf(conversationId, fromSeq, throughSeq);
      const [meta, messages] = await Promise.all([
        metaOf(transaction),
        result<ClientMessage[]>(transaction.objectStore('messages').getAll(keys)),
      ]);
      checkOwner(meta, owner);
      return messages;
    },
    deleteConversation: (conversationId, owner) =>
      write(['conversations', 'messages'], owner, (store) => {
        store('conversations').delete(conversationId);
        store('messages').delete(keysOf(conversationId, 0, Number.MAX_SAFE_INTEGER));
      }),
    clear: (owner) =>
      write(stores, undefined, (store, meta) => {
        if (!isOwnedBy(meta, owner)) return;
        for (const each of stores) store(each).clear();
        store('meta').put({ deviceId: meta.deviceId }, metaKey);
      }),
  };
}

const keysOf = (conversationId: ConversationId, fromSeq: number, throughSeq: number): IDBKeyRange =>
  IDBKeyRange.bound([conversationId, fromSeq], [conversationId, throughSeq]);

function openDatabase(name: string, onClosed: () => void): Promise<IDBDatabase> {
  const request = indexedDB.open(name, version);
  request.onupgradeneeded = ({ oldVersion }) => {
    const database = request.result;
    const isKept = oldVersion >= upgradedVersion;
    if (!isKept) for (const store of [...database.objectStoreNames]) database.deleteObjectStore(store);
    for (const store of stores) if (!database.objectStoreNames.contains(store)) database.createObjectStore(store);
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
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
}
