// Catching up: which conversations moved on while this device was away, and page by page what is missing in each.

import type { DownOf } from '@hongyan/protocol/down';
import type { ConversationId } from '@hongyan/protocol/ids';
import { ClientError, toClientError } from './client-error.ts';
import type { Connection } from './connection.ts';
import type { ConversationState } from './conversation-state.ts';
import type { Conversations } from './conversations.ts';

export interface CatchUpOptions {
  readonly connection: Connection;
  readonly conversations: Conversations;
}

const syncPageMax = 100;
const historyPageMax = 200;
/** Conversations read at a time. */
const parallelMax = 4;

export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #reading = new Map<ConversationState, Promise<void>>();
  readonly #syncPage = new PageSize(syncPageMax);
  readonly #historyPage = new PageSize(historyPageMax);

  constructor(options: CatchUpOptions) {
    this.#options = options;
  }

  /**
   * [C2] Resolves with the new cursor once everything the server told of has been shown, so that a cursor which is kept
   * never stands for messages that were not shown. Without a cursor the device begins: it learns all conversations.
   */
  async run(cursor: string | undefined): Promise<string> {
    const { conversations } = this.#options;
    const start = cursor === undefined ? 'newest' : 'first';
    const page = cursor === undefined ? await this.#listAll(start) : await this.#list({ cursor }, start);
    // Sync does not list what was left while this device was away; the number tells that there is some.
    const { conversation_count: count = conversations.count } = page;
    if (cursor !== undefined && count !== conversations.count) await this.#listAll(start);
    await this.#fillAll();
    return page.cursor;
  }

  /** Reads what is missing between what was shown and the last seq known; one reader per conversation. */
  async fill(state: ConversationState): Promise<void> {
    if (!this.#isMissing(state)) return;
    const reading = this.#reading.get(state) ?? this.#read(state);
    this.#reading.set(state, reading);
    await reading;
  }

  /** Those that were known before and are not listed were left, or had an entry meanwhile: the server is asked which. */
  async #listAll(start: 'newest' | 'first'): Promise<DownOf<'sync_result'>> {
    const { connection, conversations } = this.#options;
    const others = new Set(conversations.all());
    const page = await this.#list({ full: true }, start, (state) => others.delete(state));
    for (const { id } of others) {
      const asked = connection.request({ type: 'history', conversation_id: id, limit: 1 });
      await asked.catch((error: unknown) => this.#removeLeft(id, error));
    }
    return page;
  }

  /** Resolves with the last page. */
  async #list(
    from: { readonly cursor?: string; readonly full?: boolean },
    start: 'newest' | 'first',
    onListed: (state: ConversationState) => void = () => {},
  ): Promise<DownOf<'sync_result'>> {
    const { conversations } = this.#options;
    let page = await this.#sync(from);
    for (;;) {
      for (const conversation of page.conversations) onListed(conversations.merge(conversation, start));
      if (!page.has_more) return page;
      page = await this.#sync({ cursor: page.cursor });
    }
  }

  /** Throws any other error again. */
  #removeLeft(conversationId: ConversationId, thrown: unknown): void {
    const { code } = toClientError(thrown);
    if (code !== 'not_member' && code !== 'not_found') throw thrown;
    this.#options.conversations.remove(conversationId);
  }

  #isMissing(state: ConversationState): boolean {
    return state.isBehind && this.#options.conversations.isCurrent(state);
  }

  #sync(request: { readonly cursor?: string; readonly full?: boolean }): Promise<DownOf<'sync_result'>> {
    return this.#syncPage.ask((limit) => this.#options.connection.request({ type: 'sync', limit, ...request }));
  }

  async #fillAll(): Promise<void> {
    const behind = [...this.#options.conversations.all()].filter((state) => state.isBehind);
    const next = async (): Promise<void> => {
      for (let state = behind.shift(); state; state = behind.shift()) await this.fill(state);
    };
    await Promise.all(Array.from({ length: parallelMax }, next));
  }

  async #read(state: ConversationState): Promise<void> {
    try {
      while (this.#isMissing(state)) await this.#readPage(state);
    } finally {
      // In the same turn in which nothing was missing: what comes after that finds no reader, and starts one.
      this.#reading.delete(state);
    }
  }

  async #readPage(state: ConversationState): Promise<void> {
    const { connection, conversations } = this.#options;
    const before = state.shownSeq;
    try {
      const page = await this.#historyPage.ask((limit) =>
        connection.request({ type: 'history', conversation_id: state.id, after_seq: before, limit }),
      );
      conversations.addPage(state, page);
    } catch (thrown) {
      if (conversations.isCurrent(state)) this.#removeLeft(state.id, thrown);
    }
    // The server must bring it on: anything else would ask for the same page for ever.
    if (this.#isMissing(state) && state.shownSeq === before) {
      throw new ClientError('internal', `no entries after ${before} in ${state.id}`);
    }
  }
}

/** A page that is too much for the line is lost with the connection, each time anew: the next one is half as large. */
class PageSize {
  readonly #max: number;
  #size: number;

  constructor(max: number) {
    this.#max = max;
    this.#size = max;
  }

  async ask<T>(request: (limit: number) => Promise<T>): Promise<T> {
    const limit = this.#size;
    try {
      const page = await request(limit);
      this.#size = Math.min(this.#max, limit * 2);
      return page;
    } catch (error) {
      if (toClientError(error).code === 'unavailable') this.#size = Math.max(1, Math.floor(limit / 2));
      throw error;
    }
  }
}
