// The reads of the MySQL timeline. Each takes one statement for a page of any size, and at most one more for the numbers of conversations.
// A statement reads one snapshot, so that heads fit the entries.

import { assert } from '@hongyan/base/assert';
import type { ConversationId, MsgId, Seq } from '@hongyan/protocol/ids';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { SqlValue } from '../../../adapters/mysql/session.ts';
import type {
  Head,
  MessageState,
  Place,
  Position,
  Range,
  RangeRequest,
  Segment,
  SeqRange,
  StoredEntry,
  TimelineReads,
} from '../timeline.ts';
import { ConversationNumbers } from './conversation-numbers.ts';
import { type MonthNo, monthName } from './months.ts';
import { vectorOfOrigin } from './origin.ts';
import { formatVector, parseVector } from './position-vector.ts';
import { RangeReader } from './range-reader.ts';
import { type EntryRow, entryColumns, entryOf, keyOf, placesTable } from './rows.ts';
import { keptFrom } from './schema.ts';
import { isBeyond, readShards, vectorOf } from './shards.ts';

type ClientKey = Parameters<TimelineReads['findByClientMsgId']>[0];
type FoundRow = EntryRow & { readonly id: Buffer };

/** The first retained seq of a conversation `c`. */
const firstSeq = `(select min(s.first_seq) from segment s where s.conversation_no = c.no and s.month >= ${keptFrom})`;

export class MysqlReads implements TimelineReads {
  readonly epoch: string;
  protected readonly pool: MysqlPool;
  readonly #numbers: ConversationNumbers;
  readonly #ranges: RangeReader;

  constructor(pool: MysqlPool, epoch: string) {
    this.pool = pool;
    this.epoch = epoch;
    this.#numbers = new ConversationNumbers(pool);
    this.#ranges = new RangeReader(pool);
  }

  async range(request: RangeRequest): Promise<Range> {
    const { conversationId, afterSeq, beforeSeq } = request;
    assert((afterSeq === undefined) !== (beforeSeq === undefined), 'a range is after a seq or before one; not both');
    const no = (await this.#numbers.of([conversationId])).get(conversationId);
    if (no === undefined) return { entries: [], firstSeq: 1 as Seq, lastSeq: 0 as Seq, hasMore: false };
    return this.#ranges.read(request, no);
  }

  async heads(conversationIds: readonly ConversationId[]): Promise<readonly Head[]> {
    if (conversationIds.length === 0) return [];
    const rows = await this.pool.read<HeadRow>(
      `select c.id, c.last_seq, c.last_count, c.last_counted_ms, ${firstSeq} first_seq from conversation c where c.id in (?)`,
      [[...new Set(conversationIds)]],
    );
    const heads = new Map(rows.map((row) => [row.id.toString(), row]));
    return conversationIds.map((conversationId) => headOf(conversationId, heads.get(conversationId)));
  }

  async lastCounted(conversationIds: readonly ConversationId[]): Promise<ReadonlyMap<ConversationId, StoredEntry>> {
    if (conversationIds.length === 0) return new Map();
    const rows = await this.pool.read<FoundRow>(
      `select straight_join c.id, ${entryColumns('e')} from conversation c
       join entry e on e.conversation_no = c.no and e.seq = c.last_counted_seq
       where c.id in (?) and e.month >= ${keptFrom}`,
      [[...new Set(conversationIds)]],
    );
    const found = new Map(rows.map((row) => [row.id.toString(), row]));
    return new Map(
      conversationIds.flatMap((id) => {
        const row = found.get(id);
        return row ? [[id, entryOf(row, id)] as const] : [];
      }),
    );
  }

  async messagesAt(places: readonly Place[]): Promise<readonly (StoredEntry | undefined)[]> {
    const known = await this.#numbered(places, (place, no, index) => [index, no, place.seq]);
    const found: (StoredEntry | undefined)[] = places.map(() => undefined);
    if (known.length === 0) return found;
    const table = placesTable(['i', 'no', 'seq'], known);
    const rows = await this.pool.read<EntryRow & Indexed>(
      `select straight_join p.i, ${entryColumns('e')} from ${table.sql}
       join entry e on e.conversation_no = p.no and e.seq = p.seq
       where e.is_counted = 1 and e.month >= ${keptFrom}`,
      table.values,
    );
    for (const row of rows) {
      const place = places[row.i];
      if (place) found[row.i] = entryOf(row, place.conversationId);
    }
    return found;
  }

  async states(ranges: readonly SeqRange[]): Promise<readonly ReadonlyMap<Seq, MessageState>[]> {
    const known = await this.#numbered(ranges, (range, no, index) => [index, no, range.fromSeq, range.throughSeq]);
    const found = ranges.map(() => new Map<Seq, MessageState>());
    if (known.length === 0) return found;
    const table = placesTable(['i', 'no', 'from_seq', 'through_seq'], known);
    const rows = await this.pool.read<Indexed & { seq: number; as_of_seq: number; state: Buffer }>(
      `select straight_join p.i, s.seq, s.as_of_seq, s.state from ${table.sql}
       join message_state s on s.conversation_no = p.no and s.seq between p.from_seq and p.through_seq
       where s.month >= ${keptFrom} order by p.i, s.seq`,
      table.values,
    );
    for (const { i, seq, as_of_seq, state } of rows)
      found[i]?.set(seq as Seq, { asOfSeq: as_of_seq as Seq, stateJson: state.toString() });
    return found;
  }

  async countAfter(keys: Parameters<TimelineReads['countAfter']>[0]): Promise<readonly number[]> {
    const known = await this.#numbered(keys, (key, no, index) => [index, no, key.seq]);
    const counts = keys.map(() => 0);
    if (known.length === 0) return counts;
    const table = placesTable(['i', 'no', 'seq'], known);
    const countIn = (entries: string) =>
      `(select e.count from ${entries} e where e.conversation_no = p.no and e.seq = p.seq and e.month >= ${keptFrom})`;
    const rows = await this.pool.read<CountRow>(
      `select straight_join p.i, c.last_seq, c.last_count, ${firstSeq} first_seq,
         (select s.first_count from segment s where s.conversation_no = c.no and s.month >= ${keptFrom} order by s.month limit 1) first_count,
         coalesce(${countIn('entry')}, ${countIn('entry_change')}) count_at,
         (select count(*) from erased x where x.conversation_no = p.no and x.seq > p.seq and x.month >= ${keptFrom}) erased
       from ${table.sql} join conversation c on c.no = p.no`,
      table.values,
    );
    for (const row of rows) counts[row.i] = countAfterOf(row, keys[row.i]?.seq ?? 0);
    return counts;
  }

  async mentionsAfter(keys: Parameters<TimelineReads['mentionsAfter']>[0]): Promise<readonly number[]> {
    // Rows that mention everyone have an empty user id.
    const known = await this.#numbered(keys, (key, no, index) => [index, no, key.seq, Buffer.from(key.userId)]);
    const counts = keys.map(() => 0);
    if (known.length === 0) return counts;
    const everyone = known.map(([index, no, seq]): SqlValue[] => [index ?? 0, no ?? 0, seq ?? 0, Buffer.alloc(0)]);
    const table = placesTable(['i', 'no', 'seq', 'user_id'], [...known, ...everyone]);
    const rows = await this.pool.read<Indexed & { n: number }>(
      `select straight_join p.i, count(*) n from ${table.sql}
       join mention m on m.conversation_no = p.no and m.user_id = p.user_id and m.seq > p.seq
       where m.month >= ${keptFrom} group by p.i`,
      table.values,
    );
    for (const { i, n } of rows) counts[i] = n;
    return counts;
  }

  async pinned(conversationId: ConversationId): Promise<readonly Seq[]> {
    const rows = await this.pool.read<{ seq: Seq }>(
      `select straight_join s.seq from conversation c join message_state s on s.conversation_no = c.no
       where c.id = ? and s.is_pinned = 1 and s.month >= ${keptFrom} order by s.seq`,
      [conversationId],
    );
    return rows.map(({ seq }) => seq);
  }

  findByMsgId(msgId: MsgId): Promise<StoredEntry | undefined> {
    return this.#find(
      (entries) => `from ${entries} e join conversation c on c.no = e.conversation_no where e.msg_id = ?`,
      msgId,
    );
  }

  findByClientMsgId(key: ClientKey): Promise<StoredEntry | undefined> {
    return this.#find(
      (entries) =>
        `from message_key k join ${entries} e on e.conversation_no = k.conversation_no and e.seq = k.seq
         join conversation c on c.no = e.conversation_no where k.k = ?`,
      keyOf(key),
    );
  }

  async #find(from: (entries: string) => string, value: string): Promise<StoredEntry | undefined> {
    const select = (entries: string) =>
      `select straight_join c.id, ${entryColumns('e')} ${from(entries)} and e.month >= ${keptFrom}`;
    const [row] = await this.pool.read<FoundRow>(`${select('entry')} union all ${select('entry_change')}`, [
      value,
      value,
    ]);
    return row && entryOf(row, row.id.toString() as ConversationId);
  }

  async position(): Promise<Position> {
    return formatVector(this.epoch, vectorOf(await readShards(this.pool)));
  }

  async changedSince(
    since: Position,
    conversationIds: readonly ConversationId[],
  ): Promise<ReadonlySet<ConversationId>> {
    if (conversationIds.length === 0) return new Set();
    const { epoch, pool } = this;
    const vector = parseVector(epoch, since) ?? (await vectorOfOrigin(pool, { epoch, position: since }));
    // Beyond the end: the database was restored from a backup, so the entries before the position are unknown.
    if (vector === undefined || isBeyond(vector, await readShards(this.pool))) return new Set(conversationIds);
    const rows = await this.pool.read<{ id: Buffer; shard: number; last_commit: number }>(
      'select id, shard, last_commit from conversation where id in (?)',
      [[...new Set(conversationIds)]],
    );
    const changed = rows.filter(({ shard, last_commit }) => last_commit > (vector[shard] ?? 0));
    return new Set(changed.map(({ id }) => id.toString() as ConversationId));
  }

  async segments(conversationId: ConversationId): Promise<readonly Segment[]> {
    const rows = await this.pool.read<{ month: MonthNo; first_seq: number; last_seq: number }>(
      `select straight_join s.month, s.first_seq, c.last_seq from conversation c join segment s on s.conversation_no = c.no
       where c.id = ? and s.month >= ${keptFrom} order by s.month`,
      [conversationId],
    );
    return rows.map(({ month, first_seq, last_seq }, index) => ({
      name: monthName(month),
      firstSeq: first_seq as Seq,
      lastSeq: ((rows[index + 1]?.first_seq ?? last_seq + 1) - 1) as Seq,
    }));
  }

  /** Maps each item whose conversation has or had entries to a row. */
  async #numbered<T extends { readonly conversationId: ConversationId }>(
    items: readonly T[],
    rowOf: (item: T, no: number, index: number) => SqlValue[],
  ): Promise<SqlValue[][]> {
    if (items.length === 0) return [];
    const numbers = await this.#numbers.of(items.map(({ conversationId }) => conversationId));
    return items.flatMap((item, index) => {
      const no = numbers.get(item.conversationId);
      return no === undefined ? [] : [rowOf(item, no, index)];
    });
  }
}

/** The index of the requested place. */
interface Indexed {
  readonly i: number;
}

interface HeadRow {
  readonly id: Buffer;
  readonly last_seq: number;
  readonly last_count: number;
  readonly last_counted_ms: number;
  /** null when no entry is retained. */
  readonly first_seq: number | null;
}

interface CountRow extends Indexed {
  readonly last_seq: number;
  readonly last_count: number;
  readonly first_seq: number | null;
  readonly first_count: number | null;
  /** null when there is no entry at the seq. */
  readonly count_at: number | null;
  readonly erased: number;
}

function headOf(conversationId: ConversationId, row: HeadRow | undefined): Head {
  const lastSeq = row?.last_seq ?? 0;
  return {
    conversationId,
    firstSeq: (row?.first_seq ?? lastSeq + 1) as Seq,
    lastSeq: lastSeq as Seq,
    lastCount: row?.last_count ?? 0,
    lastCountedMs: row?.last_counted_ms ?? 0,
  };
}

function countAfterOf(row: CountRow, seq: number): number {
  if (row.first_seq === null || seq >= row.last_seq) return 0;
  const countAt = seq < row.first_seq ? row.first_count : row.count_at;
  assert(countAt !== null, 'a retained entry has a count', seq);
  return row.last_count - countAt - row.erased;
}
