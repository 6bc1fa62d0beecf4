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

const syncPageSize = 100;
const historyPageSize = 200;
/** Conversations read at a time. */
const parallelMax = 4;

export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #filling = new Map<ConversationState, Promise<void>>();

  constructor(options: CatchUpOptions) {
    this.#options = options;
  }

  /**
   * [C2] Resolves with the new cursor once everything the server told of has been shown, so that a cursor which is kept
   * never stands for messages that were not shown. Without a cursor the device begins: it learns all conversations.
   */
  async run(cursor: string | undefined): Promise<string> {
    const { conversations } = this.#options;
    const listed = new Set<ConversationId>();
    let page = await this.#sync(cursor === undefined ? { full: true } : { cursor });
    for (;;) {
      for (const conversation of page.conversations) {
        conversations.merge(conversation, cursor === undefined ? 'newest' : 'first');
        listed.add(conversation.conversation_id);
      }
      if (!page.has_more) break;
      page = await this.#sync({ cursor: page.cursor });
    }
    if (cursor === undefined) conversations.removeOthers(listed);
    await this.#fillAll();
    return page.cursor;
  }

  /** Reads what is missing between what was shown and the last seq known; one reader per conversation. */
  fill(state: ConversationState): Promise<void> {
    const running = this.#filling.get(state);
    if (running) return running;
    const filling = this.#read(state).finally(() => this.#filling.delete(state));
    this.#filling.set(state, filling);
    return filling;
  }

  #sync(request: { readonly cursor?: string; readonly full?: boolean }): Promise<DownOf<'sync_result'>> {
    return this.#options.connection.request({ type: 'sync', limit: syncPageSize, ...request });
  }

  async #fillAll(): Promise<void> {
    const behind = [...this.#options.conversations.all()].filter((state) => state.isBehind);
    const next = async (): Promise<void> => {
      for (let state = behind.shift(); state; state = behind.shift()) await this.fill(state);
    };
    await Promise.all(Array.from({ length: parallelMax }, next));
  }

  async #read(state: ConversationState): Promise<void> {
    const { connection, conversations } = this.#options;
    while (state.isBehind) {
      const before = state.shownSeq;
      try {
        const page = await connection.request({
          type: 'history',
          conversation_id: state.id,
          after_seq: before,
          limit: historyPageSize,
        });
        conversations.addPage(state, page);
      } catch (thrown) {
        const error = toClientError(thrown);
        if (error.code === 'not_member' || error.code === 'not_found') return conversations.remove(state.id);
        throw error;
      }
      // The server must bring it on: anything else would ask for the same page for ever.
      if (state.shownSeq === before) throw new ClientError('internal', `no entries after ${before} in ${state.id}`);
    }
  }
}
