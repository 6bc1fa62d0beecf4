// The transaction of some batches: the same number of statements for one entry and for a thousand. It holds the rows of its conversations
// and shards from reading where they stand to the commit, so that two writers that both believe to own a conversation take turns:
// the second one reads what the first left, and carries on [D2].

import type { ConversationId } from '@hongyan/protocol/ids';
import { isDuplicateKey } from '../../../adapters/mysql/failure.ts';
import { type Insert, insertRows } from '../../../adapters/mysql/insert.ts';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { SqlValue, Statements } from '../../../adapters/mysql/session.ts';
import type { Fence, LogPosition } from '../../../domain/fence.ts';
import type { AppendResult, NewEntry, StoredEntry } from '../timeline.ts';
import { BatchPlan, type ConversationFacts, type Facts, type Planned, type ShardFacts } from './batch-plan.ts';
import { holdFences } from './fences.ts';
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

export class Appender {
  readonly #pool: MysqlPool;

  constructor(pool: MysqlPool) {
    this.#pool = pool;
  }

  /** All of them or none; results by append. All months of the batches MUST have partitions. */
  append(appends: readonly Append[]): Promise<readonly (readonly AppendResult[])[]> {
    const batch = appends.flatMap((append) => append.batch);
    return this.#pool.transaction(async (statements) => {
      await holdFences(
        statements,
        appends.flatMap(({ fence }) => fence ?? []),
      );
      const results = batch.length === 0 ? [] : await this.#appendBatch(statements, batch, shardsOf(appends));
      return splitBy(appends, results);
    });
  }

  async #appendBatch(
    statements: Statements,
    batch: readonly NewEntry[],
    shardOf: ReadonlyMap<ConversationId, number>,
  ): Promise<readonly AppendResult[]> {
    const conversations = await lockConversations(statements, shardOf);
    const shards = await lockShards(statements, conversations);
    const plan = await this.#planAndTakeKeys(statements, batch, { conversations, shards, firsts: new Map() });
    await writePlan(statements, plan, (insert) => this.#insert(statements, insert));
    return plan.results;
  }

  /** [D3] Repeats are rare: they are looked for when a key turns out to be taken. */
  async #planAndTakeKeys(statements: Statements, batch: readonly NewEntry[], facts: Facts): Promise<BatchPlan> {
    const plan = new BatchPlan(batch, facts);
    try {
      await this.#insert(statements, { into: keyColumns, rows: plan.planned.map(keyValuesOf) });
      return plan;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
    }
    const firsts = await findFirsts(statements, batch.map(keyOf));
    const withoutRepeats = new BatchPlan(batch, { ...facts, firsts });
    await this.#insert(statements, {
      into: keyColumns,
      rows: withoutRepeats.planned.map(keyValuesOf),
      // Those that were taken and are not among the firsts are of removed entries.
      onDuplicate:
        'on duplicate key update conversation_no = values(conversation_no), seq = values(seq), month = values(month)',
    });
    return withoutRepeats;
  }

  #insert(statements: Statements, insert: Insert): Promise<void> {
    return insertRows(statements, insert, this.#pool.statementBytesMax);
  }
}

/** All of it but the keys. */
export async function writePlan(
  statements: Statements,
  plan: BatchPlan,
  insert: (insert: Insert) => Promise<void>,
): Promise<void> {
  if (plan.planned.length === 0) return;
  const rowsOf = (some: readonly Planned[]) => some.map((one) => valuesOf(one.stored, one));
  const [targeted, others] = split(plan.planned, ({ given }) => given.target !== undefined);
  await insert({ into: `entry (${insertedColumns})`, rows: rowsOf(others) });
  await insert({ into: `entry_change (${insertedColumns})`, rows: rowsOf(targeted) });
  await insert({
    into: 'segment (conversation_no, month, first_seq, first_count)',
    rows: plan.conversationMonths.map((one) => [one.conversationNo, one.month, one.firstSeq, one.firstCount]),
  });
  await new MessageChanges(plan.planned).write(statements, insert);
  await insert({
    into: `conversation (${conversationColumns})`,
    rows: plan.conversations.map(conversationValuesOf),
    onDuplicate: `on duplicate key update month = values(month), last_seq = values(last_seq), last_count = values(last_count),
      last_commit = values(last_commit), last_counted_seq = values(last_counted_seq), last_counted_ms = values(last_counted_ms)`,
  });
  await insert({
    into: 'shard_month (shard, month, commit_before)',
    rows: plan.shardMonths.map(({ shard, month, commitBefore }) => [shard, month, commitBefore]),
  });
  await insert({
    into: 'shard (no, last_commit, month, removed_through)',
    rows: plan.shards.map(({ no, lastCommit, month }) => [no, lastCommit, month, 0]),
    onDuplicate: 'on duplicate key update last_commit = values(last_commit), month = values(month)',
  });
}

export const keyColumns = 'message_key (k, conversation_no, seq, month)';
export const keyValuesOf = ({ stored, conversationNo, month }: Planned): SqlValue[] => [
  keyOf(stored),
  conversationNo,
  stored.seq,
  month,
];

/** Of each conversation, in case it is new. */
function shardsOf(appends: readonly Append[]): ReadonlyMap<ConversationId, number> {
  const shards = new Map<ConversationId, number>();
  for (const { batch, fence } of appends) {
    const shard = fence === undefined ? 0 : shardOfPartition(fence.partition);
    for (const { conversationId } of batch) shards.set(conversationId, shard);
  }
  return shards;
}

/** Those that are new get a row first, in the shard given. */
export async function lockConversations(
  statements: Statements,
  shardOf: ReadonlyMap<ConversationId, number>,
): Promise<ReadonlyMap<ConversationId, ConversationFacts>> {
  const ids = [...shardOf.keys()];
  const found = await selectForUpdate(statements, ids);
  const missing = ids.filter((id) => !found.has(id));
  if (missing.length === 0) return found;
  await statements.run(
    // Another writer may have made it meanwhile.
    `insert into conversation (id, shard, month, last_seq, last_count, last_commit, last_counted_seq, last_counted_ms)
     values ? on duplicate key update id = values(id)`,
    [missing.map((id) => [id, shardOf.get(id) ?? 0, 0, 0, 0, 0, 0, 0])],
  );
  return new Map([...found, ...(await selectForUpdate(statements, missing))]);
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

async function lockShards(
  statements: Statements,
  conversations: ReadonlyMap<ConversationId, ConversationFacts>,
): Promise<ReadonlyMap<number, ShardFacts>> {
  const nos = [...new Set([...conversations.values()].map(({ shard }) => shard))];
  const rows = await statements.rows<{ no: number; last_commit: number; month: number }>(
    'select no, last_commit, month from shard where no in (?) order by no for update',
    [nos],
  );
  return new Map(rows.map(({ no, last_commit, month }) => [no, { no, lastCommit: last_commit, month }]));
}

/** The kept entries that have one of these keys, as they are now. */
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
    if (place) firsts.set(place.k.toString(), entryOf(row, place.id.toString() as ConversationId));
  }
  return firsts;
}

function splitBy(appends: readonly Append[], results: readonly AppendResult[]): readonly (readonly AppendResult[])[] {
  let from = 0;
  return appends.map(({ batch }) => {
    const own = results.slice(from, from + batch.length);
    from += batch.length;
    return own;
  });
}

function split<T>(items: readonly T[], isFirst: (item: T) => boolean): readonly [T[], T[]] {
  const parts: [T[], T[]] = [[], []];
  for (const item of items) parts[isFirst(item) ? 0 : 1].push(item);
  return parts;
}
