// Appends batches in one transaction. It takes three round trips for one message and for a thousand: read the heads, write, commit. New
// conversations, changes of messages and duplicates take a few more.
//
// The transaction locks the rows of its conversations and shards from the first statement to the commit. Two writers that both believe to
// own a conversation therefore take turns: the second one reads the head that the first one left, and continues from it [D2].

import type { ConversationId } from '@hongyan/protocol/ids';
import QuickLRU from 'quick-lru';
import { isDuplicateKey } from '../../../adapters/mysql/failure.ts';
import { type Insert, insertRows } from '../../../adapters/mysql/insert.ts';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { SqlValue, Statements } from '../../../adapters/mysql/session.ts';
import type { Fence, LogPosition } from '../../../domain/fence.ts';
import type { AppendResult, NewEntry, StoredEntry } from '../timeline.ts';
import { BatchPlan, type ConversationFacts, type Facts, type Planned, type ShardFacts } from './batch-plan.ts';
import { holdFences, moveFences } from './fences.ts';
import { MessageChanges } from './message-changes.ts';
import { shardOfPartition } from './position-vector.ts';
import { type EntryRow, entryColumns, entryOf, insertedColumns, keyOf, placesTable, valuesOf } from './rows.ts';
import { keptFrom } from './schema.ts';

export interface Append {
  readonly batch: readonly NewEntry[];
  readonly fence: Fence | LogPosition | undefined;
}

interface ConversationRow {
  readonly no: number;
  readonly id: Buffer;
  readonly shard: number;
  readonly month: number;
  readonly last_seq: number;
  readonly last_count: number;
  readonly last_commit: number;
  readonly last_counted_seq: number;
  readonly last_counted_ms: number;
}

const conversationColumns =
  'no, id, shard, month, last_seq, last_count, last_commit, last_counted_seq, last_counted_ms';

/**
 * Conversations whose shard is not that of their partition, because partitions were added later. They are remembered so that their shard is
 * locked in order with the others. The first access locks out of order and may deadlock. Then the transaction runs again with the shard
 * that it learned.
 */
const elsewhereMax = 200_000;

export class Appender {
  readonly #pool: MysqlPool;
  readonly #elsewhere = new QuickLRU<ConversationId, number>({ maxSize: elsewhereMax });

  constructor(pool: MysqlPool) {
    this.#pool = pool;
  }

  /** Stores all appends or none. Returns the results of each append. All months of the batches MUST have partitions. */
  append(appends: readonly Append[]): Promise<readonly (readonly AppendResult[])[]> {
    const batch = appends.flatMap((append) => append.batch);
    const fences = appends.flatMap(({ fence }) => fence ?? []);
    return this.#pool.transaction(async (statements) => {
      const [, facts] = await Promise.all([holdFences(statements, fences), this.#lock(statements, appends)]);
      const plan = await this.#write(statements, batch, { facts, fences });
      return splitBy(appends, plan.results);
    });
  }

  async #lock(statements: Statements, appends: readonly Append[]): Promise<Facts> {
    const shardOf = this.#shardsOf(appends);
    const [conversations, shards] = await Promise.all([
      lockConversations(statements, shardOf),
      lockShards(statements, new Set(shardOf.values())),
    ]);
    const others = new Set<number>();
    for (const { id, shard } of conversations.values()) {
      if (shard === shardOf.get(id)) continue;
      this.#elsewhere.set(id, shard);
      if (!shards.has(shard)) others.add(shard);
    }
    return {
      conversations,
      shards: new Map([...shards, ...(await lockShards(statements, others))]),
      firsts: new Map(),
    };
  }

  /** [D3] Duplicates are rare, so they are read only when a key turns out to exist. */
  async #write(
    statements: Statements,
    batch: readonly NewEntry[],
    { facts, fences }: { readonly facts: Facts; readonly fences: readonly (Fence | LogPosition)[] },
  ): Promise<BatchPlan> {
    const write = async (plan: BatchPlan, onDuplicate?: string) => {
      const insert = (some: Insert) => this.#insert(statements, some);
      // In this order: when a key exists, no later statement is executed.
      await Promise.all([
        insert({ into: keyColumns, rows: plan.planned.map(keyValuesOf), ...(onDuplicate && { onDuplicate }) }),
        writePlan(statements, plan, insert),
        moveFences(statements, fences),
      ]);
      return plan;
    };
    try {
      return await write(new BatchPlan(batch, facts));
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
    }
    const firsts = await findFirsts(statements, batch.map(keyOf));
    return write(
      new BatchPlan(batch, { ...facts, firsts }),
      // Existing keys that are not among the firsts belong to removed entries.
      'on duplicate key update conversation_no = values(conversation_no), seq = values(seq), month = values(month)',
    );
  }

  #insert(statements: Statements, insert: Insert): Promise<void> {
    return insertRows(statements, insert, this.#pool.statementBytesMax);
  }

  /** The shard of each conversation. A new conversation gets the shard of its partition. */
  #shardsOf(appends: readonly Append[]): ReadonlyMap<ConversationId, number> {
    const shards = new Map<ConversationId, number>();
    for (const { batch, fence } of appends) {
      const shard = fence === undefined ? 0 : shardOfPartition(fence.partition);
      for (const { conversationId } of batch) shards.set(conversationId, this.#elsewhere.get(conversationId) ?? shard);
    }
    return shards;
  }
}

/**
 * Writes everything except the keys. All statements are issued in one turn and in this order, because a change looks for its message among
 * the rows of the batch.
 */
export async function writePlan(
  statements: Statements,
  plan: BatchPlan,
  insert: (insert: Insert) => Promise<void>,
): Promise<void> {
  if (plan.planned.length === 0) return;
  const rowsOf = (some: readonly Planned[]) => some.map((one) => valuesOf(one.stored, one));
  const [targeted, others] = split(plan.planned, ({ given }) => given.target !== undefined);
  await Promise.all([
    insert({ into: `entry (${insertedColumns})`, rows: rowsOf(others) }),
    insert({ into: `entry_change (${insertedColumns})`, rows: rowsOf(targeted) }),
    insert({
      into: 'segment (conversation_no, month, first_seq, first_count)',
      rows: plan.conversationMonths.map((one) => [one.conversationNo, one.month, one.firstSeq, one.firstCount]),
    }),
    new MessageChanges(plan.planned).write(statements, insert),
    insert({
      into: `conversation (${conversationColumns})`,
      rows: plan.conversations.map(conversationValuesOf),
      onDuplicate: `on duplicate key update month = values(month), last_seq = values(last_seq), last_count = values(last_count),
        last_commit = values(last_commit), last_counted_seq = values(last_counted_seq), last_counted_ms = values(last_counted_ms)`,
    }),
    insert({
      into: 'shard_month (shard, month, commit_before)',
      rows: plan.shardMonths.map(({ shard, month, commitBefore }) => [shard, month, commitBefore]),
    }),
    insert({
      into: 'shard (no, last_commit, month, removed_through)',
      rows: plan.shards.map(({ no, lastCommit, month }) => [no, lastCommit, month, 0]),
      onDuplicate: 'on duplicate key update last_commit = values(last_commit), month = values(month)',
    }),
  ]);
}

export const keyColumns = 'message_key (k, conversation_no, seq, month)';
export const keyValuesOf = ({ stored, conversationNo, month }: Planned): SqlValue[] => [
  keyOf(stored),
  conversationNo,
  stored.seq,
  month,
];

/** Locks the rows of the conversations. New ones first get a row in the given shard. */
export async function lockConversations(
  statements: Statements,
  shardOf: ReadonlyMap<ConversationId, number>,
): Promise<ReadonlyMap<ConversationId, ConversationFacts>> {
  const ids = [...shardOf.keys()];
  if (ids.length === 0) return new Map();
  const found = await selectForUpdate(statements, ids);
  const missing = ids.filter((id) => !found.has(id));
  if (missing.length === 0) return found;
  const [, made] = await Promise.all([
    statements.run(
      // Another writer may have created it meanwhile.
      `insert into conversation (id, shard, month, last_seq, last_count, last_commit, last_counted_seq, last_counted_ms)
       values ? on duplicate key update id = values(id)`,
      [missing.map((id) => [id, shardOf.get(id) ?? 0, 0, 0, 0, 0, 0, 0])],
    ),
    selectForUpdate(statements, missing),
  ]);
  return new Map([...found, ...made]);
}

async function selectForUpdate(
  statements: Statements,
  ids: readonly ConversationId[],
): Promise<Map<ConversationId, ConversationFacts>> {
  const rows = await statements.rows<ConversationRow>(
    `select ${conversationColumns} from conversation where id in (?) for update`,
    [[...ids]],
  );
  return new Map(
    rows.map((row) => {
      const id = row.id.toString() as ConversationId;
      const facts = {
        no: row.no,
        id,
        shard: row.shard,
        month: row.month,
        lastSeq: row.last_seq,
        lastCount: row.last_count,
        lastCommit: row.last_commit,
        lastCountedSeq: row.last_counted_seq,
        lastCountedMs: row.last_counted_ms,
      };
      return [id, facts];
    }),
  );
}

const conversationValuesOf = (facts: ConversationFacts): SqlValue[] => [
  facts.no,
  facts.id,
  facts.shard,
  facts.month,
  facts.lastSeq,
  facts.lastCount,
  facts.lastCommit,
  facts.lastCountedSeq,
  facts.lastCountedMs,
];

async function lockShards(statements: Statements, nos: ReadonlySet<number>): Promise<ReadonlyMap<number, ShardFacts>> {
  if (nos.size === 0) return new Map();
  const rows = await statements.rows<{ no: number; last_commit: number; month: number }>(
    'select no, last_commit, month from shard where no in (?) order by no for update',
    [[...nos]],
  );
  return new Map(rows.map(({ no, last_commit, month }) => [no, { no, lastCommit: last_commit, month }]));
}

/** The retained entries with these keys. */
async function findFirsts(statements: Statements, keys: readonly string[]): Promise<Map<string, StoredEntry>> {
  const taken = await statements.rows<{ k: Buffer; conversation_no: number; seq: number; id: Buffer }>(
    `select k.k, k.conversation_no, k.seq, c.id from message_key k join conversation c on c.no = k.conversation_no
     where k.k in (?) and k.month >= ${keptFrom} for update`,
    [[...new Set(keys)]],
  );
  if (taken.length === 0) return new Map();
  const places = placesTable(
    ['i', 'no', 'seq'],
    taken.map((row, index) => [index, row.conversation_no, row.seq]),
  );
  const select = (table: string) =>
    `select straight_join p.i, ${entryColumns('e')} from ${places.sql} join ${table} e on e.conversation_no = p.no and e.seq = p.seq`;
  const rows = await statements.rows<EntryRow & { readonly i: number }>(
    `${select('entry')} union all ${select('entry_change')}`,
    [...places.values, ...places.values],
  );
  const firsts = new Map<string, StoredEntry>();
  for (const row of rows) {
    const place = taken[row.i];
    if (place === undefined) continue;
    const key = place.k.toString();
    const entry = entryOf(row, place.id.toString() as ConversationId);
    // A key that this transaction has written itself, before a conflict, is no duplicate: its place holds an entry with another key.
    if (keyOf(entry) === key) firsts.set(key, entry);
  }
  return firsts;
}

function splitBy(
  appends: readonly Append[],
  results: readonly (AppendResult | undefined)[],
): readonly (readonly AppendResult[])[] {
  let from = 0;
  return appends.map(({ batch }) => {
    const appended = results.slice(from, from + batch.length);
    from += batch.length;
    return appended.filter((result) => result !== undefined);
  });
}

function split<T>(items: readonly T[], isFirst: (item: T) => boolean): readonly [T[], T[]] {
  const parts: [T[], T[]] = [[], []];
  for (const item of items) parts[isFirst(item) ? 0 : 1].push(item);
  return parts;
}
