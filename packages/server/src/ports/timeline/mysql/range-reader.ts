// Reads a range of a conversation: its head and its entries in one statement, and so of one snapshot.

import type { Seq } from '@hongyan/protocol/ids';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { SqlValue } from '../../../adapters/mysql/session.ts';
import { Page } from '../page.ts';
import type { Range, RangeRequest } from '../timeline.ts';
import { type EntryRow, entryColumns, entryOf } from './rows.ts';
import { keptFrom } from './schema.ts';

/** The number of uncounted entries in the first fetch. Later fetches read more. */
const uncountedFetchedFirst = 16;
/**
 * The number of entries in the first fetch of a page with `bytesMax`, because their size is known only after the fetch. Each further fetch
 * reads four times as many. 200 of the longest entries are seven megabytes and would block the process for longer than a few statements
 * take. A page of fifty short entries takes two statements.
 */
const boundedFetchedFirst = 16;
const boundedGrowth = 4;

interface Chunk {
  /** In the order of the page. */
  readonly rows: readonly EntryRow[];
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
  readonly isLast: boolean;
}

export class RangeReader {
  readonly #pool: MysqlPool;

  constructor(pool: MysqlPool) {
    this.#pool = pool;
  }

  /**
   * Takes one statement for a page of messages, and more when many other entries are between them or when `bytesMax` bounds a long page.
   */
  async read(request: RangeRequest, conversationNo: number): Promise<Range> {
    const { conversationId, limit, bytesMax } = request;
    const page = new Page(request);
    let seq: number = request.afterSeq ?? request.beforeSeq ?? 0;
    let fetchedMax = bytesMax === undefined ? Number.POSITIVE_INFINITY : boundedFetchedFirst;
    let wanted = Math.min(page.room, limit + uncountedFetchedFirst) + 1;
    for (;;) {
      const count = Math.min(wanted, fetchedMax);
      const chunk = await this.#chunk(request, { conversationNo, seq, count });
      for (const row of chunk.rows) if (!page.offer(entryOf(row, conversationId))) break;
      if (page.hasMore || chunk.isLast) return rangeOf(page, request, chunk);
      seq = chunk.rows.at(-1)?.seq ?? seq;
      wanted = page.room + 1;
      fetchedMax *= boundedGrowth;
    }
  }

  async #chunk(
    { withTargeted = false, afterSeq }: RangeRequest,
    { conversationNo, seq, count }: { conversationNo: number; seq: number; count: number },
  ): Promise<Chunk> {
    const [compare, order] = afterSeq === undefined ? ['<', 'desc'] : ['>', 'asc'];
    const entries = (table: string) =>
      `(select 0 is_head, ${entryColumns('e')} from ${table} e
        where e.conversation_no = ? and e.seq ${compare} ? and e.month >= ${keptFrom} order by e.seq ${order} limit ?)`;
    const values: SqlValue[] = [conversationNo, seq, count];
    const rows = await this.#pool.read<EntryRow & { readonly is_head: number }>(
      [
        `(select 1 is_head, c.last_seq seq, c.id msg_id, c.id sender, c.id client_msg_id, 0 timestamp_ms, 0 is_counted,
           (select min(s.first_seq) from segment s where s.conversation_no = c.no and s.month >= ${keptFrom}) count,
           null target_seq, null refs, '' content from conversation c where c.no = ?)`,
        entries('entry'),
        ...(withTargeted ? [entries('entry_change')] : []),
      ].join(' union all '),
      [conversationNo, ...values, ...(withTargeted ? values : [])],
    );
    const head = rows.find(({ is_head }) => is_head === 1);
    const lastSeq = head?.seq ?? 0;
    const found = rows.filter(({ is_head }) => is_head === 0);
    found.sort((a, b) => (afterSeq === undefined ? b.seq - a.seq : a.seq - b.seq));
    return {
      rows: found.slice(0, count),
      firstSeq: (head?.count ?? lastSeq + 1) as Seq,
      lastSeq: lastSeq as Seq,
      isLast: found.length < count,
    };
  }
}

/** Uses the head of the last chunk, and drops entries that retention removed after an earlier chunk was read. */
function rangeOf(page: Page, { afterSeq }: RangeRequest, { firstSeq, lastSeq }: Chunk): Range {
  const entries = page.entries.filter(({ seq }) => seq >= firstSeq);
  return { entries: afterSeq === undefined ? entries.reverse() : entries, firstSeq, lastSeq, hasMore: page.hasMore };
}
