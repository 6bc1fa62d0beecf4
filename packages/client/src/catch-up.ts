// Catching up: which conversations moved on while this device was away, and page by page what is missing in each.

import type { DownOf } from '@hongyan/protocol/down';
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
    const others = new Set(cursor === undefined ? [...conversations.all()].map((state) => state.id) : []);
    let page = await this.#sync(cursor === undefined ? { full: true } : { cursor });
    for (;;) {
      for (const conversation of page.conversations) {
        conversations.merge(conversation, cursor === undefined ? 'newest' : 'first');
        others.delete(conversation.conversation_id);
      }
      if (!page.has_more) break;
      page = await this.#sync({ cursor: page.cursor });
    }
    // Those that were known before and are not told of were left. What came meanwhile is newer than the list.
    for (const conversationId of others) conversations.remove(conversationId);
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
      const error = toClientError(thrown);
      if (error.code !== 'not_member' && error.code !== 'not_found') throw error;
      if (conversations.isCurrent(state)) conversations.remove(state.id);
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
