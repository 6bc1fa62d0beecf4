// Reads the files of a timeline for operators, with or without a server that writes them. Changes nothing.

import type { ClientMsgId } from '@hongyan/protocol/ids';
import type { OperatorReads } from './operator-reads.ts';
import { SqliteReads } from './sqlite/reads.ts';
import { StoreView } from './sqlite/store-view.ts';
import type { StoredEntry, TimelineReads } from './timeline.ts';

/** Each call sees all entries that were committed before it. */
export interface SqliteTimelineReader extends OperatorReads {
  close(): void;
}

/** Throws when there is no timeline in `folder`. */
export const openSqliteTimelineReader = (folder: string): SqliteTimelineReader => new Reader(new StoreView(folder));

class Reader implements SqliteTimelineReader {
  readonly #view: StoreView;
  readonly #reads: SqliteReads;

  constructor(view: StoreView) {
    this.#view = view;
    this.#reads = new SqliteReads(view);
  }

  get epoch(): string {
    return this.#view.epoch;
  }

  range: TimelineReads['range'] = (request) => this.#now().range(request);
  heads: TimelineReads['heads'] = (ids) => this.#now().heads(ids);
  lastCounted: TimelineReads['lastCounted'] = (ids) => this.#now().lastCounted(ids);
  messagesAt: TimelineReads['messagesAt'] = (places) => this.#now().messagesAt(places);
  states: TimelineReads['states'] = (range) => this.#now().states(range);
  countAfter: TimelineReads['countAfter'] = (keys) => this.#now().countAfter(keys);
  mentionsAfter: TimelineReads['mentionsAfter'] = (keys) => this.#now().mentionsAfter(keys);
  pinned: TimelineReads['pinned'] = (id) => this.#now().pinned(id);
  findByMsgId: TimelineReads['findByMsgId'] = (msgId) => this.#now().findByMsgId(msgId);
  findByClientMsgId: TimelineReads['findByClientMsgId'] = (key) => this.#now().findByClientMsgId(key);
  position: TimelineReads['position'] = () => this.#now().position();
  changedSince: TimelineReads['changedSince'] = (since, ids) => this.#now().changedSince(since, ids);
  segments: TimelineReads['segments'] = (id) => this.#now().segments(id);

  async findAllByClientMsgId(clientMsgId: ClientMsgId): Promise<readonly StoredEntry[]> {
    this.#now();
    const sorted = this.#view.months.flatMap((month) => month.byKeyOfAnyone(clientMsgId));
    const unsorted = this.#view.tail.byKeyOfAnyone(clientMsgId);
    const isNew = (entry: StoredEntry) => !sorted.some((other) => other.from === entry.from);
    return [...sorted, ...unsorted.filter(isNew)];
  }

  async isBeingErased({ conversationId, seq }: Pick<StoredEntry, 'conversationId' | 'seq'>): Promise<boolean> {
    this.#now();
    return this.#view.months.some((month) => month.isBeingErased(conversationId, seq));
  }

  /** Reads the tail again for each call. It is bounded, and the server does not notify other processes of commits. */
  #now(): SqliteReads {
    this.#view.reload();
    return this.#reads;
  }

  close(): void {
    this.#view.close();
  }
}
