// The storage as a session uses it: failures are reported and tolerated, and a session that ended writes nothing any more.

import type { Clock, Timer } from '@hongyan/base/clock';
import type { UserId } from '@hongyan/protocol/ids';
import type { ClientMessage } from './api.ts';
import type { ClientStorage, KeptRange } from './client-storage.ts';
import { deadline } from './deadline.ts';

export interface SafeStorageOptions {
  readonly storage: ClientStorage;
  readonly clock: Clock;
  readonly onFailure: (error: unknown) => void;
}

type Kept = Awaited<ReturnType<ClientStorage['load']>>;

/** Browsers' databases may hang for good: no call waits longer. */
const answerMsMax = 5_000;

/**
 * [C8] Calls never reject; a write that failed and may be tried again resolves with false. A storage that cannot be read,
 * or does not answer in time, is left alone for the rest of the session: the next session finds it as it was.
 */
export class SafeStorage {
  readonly #options: SafeStorageOptions;
  #storage: ClientStorage;
  readonly #pending = new Set<Promise<unknown>>();
  #isReleased = false;

  constructor(options: SafeStorageOptions) {
    this.#options = options;
    this.#storage = options.storage;
  }

  /** From now on it fails where its data is of another user, whose client has taken it. */
  ownedBy(userId: UserId): void {
    this.#storage = asOwner(this.#options.storage, userId);
  }

  /** undefined when it cannot be read. */
  async load(): Promise<Kept | undefined> {
    const kept = await this.#call((storage) => storage.load());
    if (!kept) this.release();
    return kept;
  }

  get messageBytesMax(): number {
    return this.#storage.messageBytesMax;
  }
  /** undefined when they cannot be read. */
  async messages(range: KeptRange): Promise<readonly ClientMessage[] | undefined> {
    return this.#isReleased ? undefined : this.#call((storage) => storage.messages(range));
  }
  /** One write; nothing after `release`. */
  async write(run: (storage: ClientStorage) => Promise<void>): Promise<boolean> {
    if (this.#isReleased) return true;
    return (await this.#call((storage) => run(storage).then(() => true))) ?? false;
  }

  /** Nothing is written from now on. */
  release(): void {
    this.#isReleased = true;
  }

  /** Resolves when all calls made so far have settled. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /** undefined for a failure, which was reported. */
  #call<T>(run: (storage: ClientStorage) => Promise<T>): Promise<T | undefined> {
    const { clock, onFailure } = this.#options;
    const storage = this.#storage;
    const answer = new Promise<T | undefined>((resolve) => {
      let timer: Timer | undefined;
      const settle = (value: T | undefined) => {
        timer?.cancel();
        resolve(value);
      };
      const fail = (error: unknown) => {
        onFailure(error);
        settle(undefined);
      };
      timer = deadline(clock, answerMsMax, () => {
        this.release();
        fail(new Error(`the storage did not answer within ${answerMsMax} ms`));
      });
      // Some throw where they should reject.
      new Promise<T>((resolveCall) => resolveCall(run(storage))).then(settle, fail);
    });
    this.#pending.add(answer);
    void answer.then(() => this.#pending.delete(answer));
    return answer;
  }
}

const asOwner = (storage: ClientStorage, owner: UserId): ClientStorage => ({
  messageBytesMax: storage.messageBytesMax,
  load: () => storage.load(),
  saveMeta: (meta) => storage.saveMeta(meta, owner),
  putOutbox: (item) => storage.putOutbox(item, owner),
  deleteOutbox: (clientMsgId) => storage.deleteOutbox(clientMsgId, owner),
  putConversations: (conversations) => storage.putConversations(conversations, owner),
  messages: (range) => storage.messages(range, owner),
  deleteConversation: (conversationId) => storage.deleteConversation(conversationId, owner),
  clear: () => storage.clear(owner),
});
