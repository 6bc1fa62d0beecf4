// Catching up: which conversations changed while this device was away, and page by page what is missing in each.

import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import type { Input, Output } from '@hongyan/protocol/operations/operations';
import { ClientError, toClientError } from './client-error.ts';
import type { Connection } from './connection.ts';
import type { ConversationState } from './conversation-state.ts';
import type { Conversations } from './conversations.ts';
import { PageSize } from './page-size.ts';
import type { Conversation } from './wire.ts';

export interface CatchUpOptions {
  readonly connection: Connection;
  readonly conversations: Conversations;
  /** The server's view of one conversation. */
  readonly getConversation: (conversationId: ConversationId) => Promise<Conversation>;
}

export type CatchUpFrom =
  /** A new device: it lists all conversations, and each starts at its newest entry. */
  | { readonly type: 'nothing' }
  | { readonly type: 'cursor'; readonly cursor: string }
  /** The store was put back to an earlier state, or is another store: positions of this device may be void. */
  | { readonly type: 'other_store' };

const syncPageMax = 100;
const entryPageMax = 200;
/** Conversations read at a time. */
const parallelMax = 4;

export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #reading = new Map<ConversationState, Promise<void>>();
  readonly #syncPage = new PageSize(syncPageMax);
  readonly #entryPage = new PageSize(entryPageMax);

  constructor(options: CatchUpOptions) {
    this.#options = options;
  }

  /** [C2] Resolves with the new cursor, and where the private timeline stands, once everything it stands for has been shown. */
  async run(from: CatchUpFrom): Promise<Pick<Output<'sync'>, 'cursor' | 'private_seq'>> {
    const { conversations } = this.#options;
    const shownBefore = new Map(Array.from(conversations.all(), (state) => [state, state.shownSeq]));
    const list = new Listing(conversations, shownBefore, from.type === 'nothing' ? 'newest' : 'first');
    if (from.type === 'other_store') for (const state of conversations.all()) state.doubt(true);
    const page = await this.#list(from.type === 'cursor' ? { cursor: from.cursor } : { full: true }, list);
    const { conversation_count: count = conversations.count } = page;
    // Sync does not list conversations that were left while this device was away: the count differs.
    if (from.type !== 'cursor') await this.#askUnlisted(list);
    else if (count !== conversations.count) {
      await this.#list({ full: true }, list);
      await this.#askUnlisted(list);
    }
    if (from.type !== 'other_store' && list.rewound.size > 0) return this.run({ type: 'other_store' });
    for (const [state, fresh] of list.rewound) await this.#rewind(state, fresh);
    await this.#fillAll();
    return page;
  }

  /** Reads what is missing between what was shown and the last seq that this device has seen; a conversation has a single reader. */
  async fill(state: ConversationState): Promise<void> {
    if (!this.#isMissing(state)) return;
    const reading = this.#reading.get(state) ?? this.#read(state);
    this.#reading.set(state, reading);
    await reading;
  }

  /** Resolves with the last page. */
  async #list(from: Input<'sync'>, list: Listing): Promise<Output<'sync'>> {
    let page = await this.#sync(from);
    for (;;) {
      for (const conversation of page.conversations) list.add(conversation);
      if (!page.has_more) return page;
      page = await this.#sync({ cursor: page.cursor });
    }
  }

  /** A conversation of this device that a full list lacks was left, or had an entry while the pages were read: the server is asked. */
  async #askUnlisted({ unlisted, rewound }: Listing): Promise<void> {
    const { connection, getConversation } = this.#options;
    for (const state of unlisted) {
      try {
        if (state.isDoubted) rewound.set(state, await getConversation(state.id));
        else await connection.request('history', { conversation_id: state.id, limit: 1 });
      } catch (error) {
        this.#removeLeft(state, error);
      }
    }
  }

  /** Throws any other error again. */
  #removeLeft({ id }: ConversationState, thrown: unknown): void {
    const { code } = toClientError(thrown);
    if (code !== 'not_member' && code !== 'not_found') throw thrown;
    this.#options.conversations.remove(id);
  }

  async #rewind(state: ConversationState, fresh: Conversation): Promise<void> {
    const commonSeq = await this.#commonSeq(state, fresh);
    this.#options.conversations.rewind(state, fresh, commonSeq);
  }

  /** Up to where this device has shown the server's timeline: its newest anchor that the server has too. */
  async #commonSeq(state: ConversationState, fresh: Conversation): Promise<Seq> {
    const before = (seq: number) => (seq - 1) as Seq;
    const last = fresh.last_message;
    for (const { seq, msgId } of state.anchors) {
      if (seq > fresh.last_seq) continue;
      if (seq < fresh.first_seq) break;
      if (last?.seq === seq) {
        if (last.msg_id === msgId) return seq;
        continue;
      }
      const request = { conversation_id: state.id, after_seq: before(seq), limit: 1 };
      const [entry] = (await this.#options.connection.request('catchUp', request)).entries;
      if (entry?.seq === seq && entry.msg_id === msgId) return seq;
    }
    return before(fresh.first_seq);
  }

  #isMissing(state: ConversationState): boolean {
    return state.isBehind && !state.isDoubted && this.#options.conversations.isCurrent(state);
  }

  #sync(request: Input<'sync'>): Promise<Output<'sync'>> {
    return this.#syncPage.ask((limit) => this.#options.connection.request('sync', { limit, ...request }));
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
      // In the same turn in which nothing was missing: an entry after that finds no reader, and starts a new reader.
      this.#reading.delete(state);
    }
  }

  async #readPage(state: ConversationState): Promise<void> {
    const { connection, conversations } = this.#options;
    const before = state.shownSeq;
    try {
      const page = await this.#entryPage.ask((limit) =>
        connection.request('catchUp', { conversation_id: state.id, after_seq: before, limit }),
      );
      // A rewind while the page was on its way makes it void.
      if (state.shownSeq >= before && !state.isDoubted) conversations.addPage(state, page);
    } catch (thrown) {
      if (conversations.isCurrent(state)) this.#removeLeft(state, thrown);
    }
    // Without progress the same page would be requested for ever.
    if (this.#isMissing(state) && state.shownSeq === before) {
      throw new ClientError(
        'internal',
        `the server has no entries after ${before} in ${state.id}, though it reports some`,
      );
    }
  }
}

/** What the pages of one sync list. */
class Listing {
  readonly #conversations: Conversations;
  readonly #shownBefore: ReadonlyMap<ConversationState, Seq>;
  readonly #start: 'newest' | 'first';
  /** On this device, and not listed so far. */
  readonly unlisted: Set<ConversationState>;
  /** Conversations with shown seqs that may not be those of the server's store, and what the server lists. */
  readonly rewound = new Map<ConversationState, Conversation>();

  constructor(
    conversations: Conversations,
    shownBefore: ReadonlyMap<ConversationState, Seq>,
    start: 'newest' | 'first',
  ) {
    this.#conversations = conversations;
    this.#shownBefore = shownBefore;
    this.#start = start;
    this.unlisted = new Set(conversations.all());
  }

  add(conversation: Conversation): void {
    const state = this.#conversations.get(conversation.conversation_id);
    if (state) this.unlisted.delete(state);
    if (state && (state.isDoubted || conversation.last_seq < (this.#shownBefore.get(state) ?? 0))) {
      this.rewound.set(state, conversation);
    } else this.#conversations.merge(conversation, this.#start);
  }
}
