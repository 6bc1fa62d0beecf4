// Caches the numbers of conversations. A number never changes, so cached numbers are never stale.

import type { ConversationId } from '@hongyan/protocol/ids';
import QuickLRU from 'quick-lru';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';

const knownMax = 200_000;

export class ConversationNumbers {
  readonly #pool: MysqlPool;
  readonly #known = new QuickLRU<ConversationId, number>({ maxSize: knownMax });

  constructor(pool: MysqlPool) {
    this.#pool = pool;
  }

  /** The numbers of the conversations that have or had entries. Takes at most one query. */
  async of(ids: readonly ConversationId[]): Promise<ReadonlyMap<ConversationId, number>> {
    const found = new Map<ConversationId, number>();
    const unknown = new Set<ConversationId>();
    for (const id of ids) {
      const no = this.#known.get(id);
      if (no === undefined) unknown.add(id);
      else found.set(id, no);
    }
    if (unknown.size === 0) return found;
    const rows = await this.#pool.read<{ no: number; id: Buffer }>('select no, id from conversation where id in (?)', [
      [...unknown],
    ]);
    for (const { no, id } of rows) {
      const conversationId = id.toString() as ConversationId;
      this.#known.set(conversationId, no);
      found.set(conversationId, no);
    }
    return found;
  }
}
