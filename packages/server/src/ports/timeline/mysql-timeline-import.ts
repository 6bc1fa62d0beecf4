// Imports the timeline of another store into an empty database, page by page. Seqs, counts, ids, times and the epoch do not change. Each
// page is one transaction with the position that it reached, so that an interrupted move continues there.

import { assert } from '@hongyan/base/assert';
import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { Random } from '@hongyan/base/random';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import { type Insert, insertRows } from '../../adapters/mysql/insert.ts';
import { migrateDatabase } from '../../adapters/mysql/migrate.ts';
import type { MysqlOptions } from '../../adapters/mysql/options.ts';
import { MysqlPool } from '../../adapters/mysql/pool.ts';
import type { Statements } from '../../adapters/mysql/session.ts';
import type { EndedHead, MovedEntry, MovedMessage, MovedPage } from './moved-page.ts';
import { keyColumns, keyValuesOf, lockConversations, writePlan } from './mysql/appender.ts';
import { BatchPlan, type ConversationFacts, type ShardFacts } from './mysql/batch-plan.ts';
import { monthOf } from './mysql/months.ts';
import { formatNumbers, type MoveState, momentBefore, readMoveState } from './mysql/origin.ts';
import { Partitions } from './mysql/partitions.ts';
import { formatVector, shardCount } from './mysql/position-vector.ts';
import { MysqlReads } from './mysql/reads.ts';
import { placesTable } from './mysql/rows.ts';
import { timelineLayout } from './mysql/schema.ts';
import { parsePosition } from './position.ts';
import type { NewEntry, Place, Position, TimelineReads } from './timeline.ts';

export interface TimelineImportOptions {
  readonly mysql: MysqlOptions;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface ImportSource {
  /** The epoch of the source store, which the database keeps. */
  readonly epoch: string;
  /** The position before its oldest retained entry, as a number; 0 when nothing was ever removed. */
  readonly removedThrough: number;
}

/** The number of places in one query. */
const placesAtOnce = 500;
/** The commit number of the removed entries of each shard. Older cursors are before the retained entries. */
const removedCommit = 1;

export class MysqlTimelineImport {
  readonly #pool: MysqlPool;
  readonly #partitions: Partitions;
  /** The shard of a new conversation. */
  readonly #shardOf: (id: ConversationId) => number;

  /** Creates missing tables. */
  static async open(
    options: TimelineImportOptions,
    shardOf: (id: ConversationId) => number,
  ): Promise<MysqlTimelineImport> {
    const pool = await MysqlPool.open(options.mysql, options);
    try {
      await migrateDatabase(pool, timelineLayout);
      return new MysqlTimelineImport(pool, options.log, shardOf);
    } catch (error) {
      await pool.close();
      throw error;
    }
  }

  private constructor(pool: MysqlPool, log: Log, shardOf: (id: ConversationId) => number) {
    this.#pool = pool;
    this.#partitions = new Partitions(pool, log);
    this.#shardOf = shardOf;
  }

  /** Reads of the imported entries. */
  reads(epoch: string): TimelineReads {
    return new MysqlReads(this.#pool, epoch);
  }

  /** undefined before `begin`. */
  state(): Promise<MoveState | undefined> {
    return readMoveState(this.#pool);
  }

  /** The reason why the database cannot be the target of a move; undefined when it can. */
  async occupation(): Promise<string | undefined> {
    const [row] = await this.#pool.read<{ conversations: number; claims: number }>(
      'select (select count(*) from conversation) conversations, (select count(*) from fence) claims',
    );
    if (row === undefined || row.claims > 0) return 'cores of a cluster have run on it';
    return row.conversations > 0 ? `it has ${row.conversations} conversations` : undefined;
  }

  /** The database MUST be empty. After it, processes of the cluster wait for `complete`. */
  begin({ epoch, removedThrough }: ImportSource): Promise<void> {
    return this.#pool.transaction(async (db) => {
      const first = removedThrough > 0 ? removedCommit : 0;
      await db.run('insert into origin (id, epoch, through, is_complete) values (1, ?, ?, 0)', [epoch, removedThrough]);
      await db.run('update store set epoch = ? where id = 1', [epoch]);
      await db.run('update shard set last_commit = ?, removed_through = ?', [first, first]);
      const shards = await db.rows<{ no: number }>('select no from shard');
      await noteMoment(db, { number: removedThrough, shards: shards.map(({ no }) => ({ no, lastCommit: first })) });
    });
  }

  /** Adds conversations whose entries may all have been removed. MUST precede the first page. Existing conversations do not change. */
  addEnded(heads: readonly EndedHead[]): Promise<void> {
    return this.#pool.transaction((db) =>
      this.#insert(db, {
        into: 'conversation (id, shard, month, last_seq, last_count, last_commit, last_counted_seq, last_counted_ms)',
        rows: heads.map((head) => [
          head.conversationId,
          this.#shardOf(head.conversationId),
          0,
          head.lastSeq,
          head.lastCount,
          removedCommit,
          0,
          head.lastCountedMs,
        ]),
        onDuplicate: 'on duplicate key update id = values(id)',
      }),
    );
  }

  /** `after` is the position at which the page begins. Rejects a page that was imported before, and one that does not follow the last page. */
  async add(page: MovedPage, { after }: { readonly after: number }): Promise<void> {
    const batch = page.entries.map((moved) => newEntryOf(moved, page));
    for (const month of monthsOf(batch)) await this.#partitions.ensure(month);
    await this.#pool.transaction(async (db) => {
      await advance(db, { after, through: page.through });
      const conversations = beforeFirsts(await lockConversations(db, this.#shardsOf(batch)), page);
      const shards = await lockShards(db);
      const plan = new BatchPlan(batch, { conversations, shards, firsts: new Map() });
      for (const [index, { entry }] of page.entries.entries()) {
        const placed = plan.results[index]?.entry;
        assert(
          placed?.seq === entry.seq && placed.count === entry.count,
          'an entry keeps its seq and count',
          `${entry.conversationId} ${entry.seq}, not ${placed?.seq}`,
        );
      }
      await this.#insert(db, { into: keyColumns, rows: plan.planned.map(keyValuesOf) });
      await writePlan(db, plan, (insert) => this.#insert(db, insert));
      await this.#settle(db, page.messages);
      await noteMoment(db, { number: page.through, shards: [...new Map([...shards, ...byNo(plan.shards)]).values()] });
    });
  }

  /** Updates messages to their present state in the source. Idempotent. */
  settle(messages: readonly MovedMessage[]): Promise<void> {
    return this.#pool.transaction((db) => this.#settle(db, messages));
  }

  /**
   * Translates a feed position of the source store: a reader at the returned position has read exactly the same entries. All entries up to
   * the position MUST have been imported. `between` returns the places of the entries that the source committed after one number and
   * up to another.
   */
  async feedPositionOf(
    position: Position,
    {
      epoch,
      between,
    }: { readonly epoch: string; readonly between: (after: number, through: number) => readonly Place[] },
  ): Promise<Position> {
    const number = parsePosition(epoch, position);
    const through = (await this.state())?.through ?? 0;
    // Not a position of the source. It is unknown here too, and the feed rejects it.
    if (number === undefined || number > through) return position;
    const moment = await momentBefore(this.#pool, number);
    const vector = Array.from({ length: shardCount }, (_, shard) => moment?.vector[shard] ?? 0);
    // All entries before the first moment were removed. The feed reports the gap.
    if (moment === undefined) return formatVector(epoch, vector);
    const places = between(moment.number, number);
    for (let from = 0; from < places.length; from += placesAtOnce)
      for (const { shard, last_commit } of await this.#commitsAt(places.slice(from, from + placesAtOnce)))
        vector[shard] = Math.max(vector[shard] ?? 0, last_commit);
    return formatVector(epoch, vector);
  }

  /** The last commit of each shard among these entries, all of which have been imported. */
  async #commitsAt(
    places: readonly Place[],
  ): Promise<readonly { readonly shard: number; readonly last_commit: number }[]> {
    const { sql, values } = placesTable(
      ['id', 'seq'],
      places.map(({ conversationId, seq }) => [Buffer.from(conversationId), seq]),
    );
    const of = (table: string) =>
      `select straight_join e.shard, max(e.commit_no) last_commit, count(*) entries from ${sql} join conversation c on c.id = p.id
       join ${table} e on e.conversation_no = c.no and e.seq = p.seq group by e.shard`;
    const rows = await this.#pool.read<{ shard: number; last_commit: number; entries: number }>(
      `${of('entry')} union all ${of('entry_change')}`,
      [...values, ...values],
    );
    const found = rows.reduce((sum, { entries }) => sum + entries, 0);
    assert(found === places.length, 'all entries up to the position were imported', `${found} of ${places.length}`);
    return rows;
  }

  /** Ends the import: processes of the cluster may start, and no page is accepted. */
  complete(through: number): Promise<void> {
    return this.#pool.transaction(async (db) => {
      await advance(db, { after: through, through });
      await db.run('update origin set is_complete = 1 where id = 1');
    });
  }

  /** Rejects when a core of the cluster has begun to write. */
  async assertUnclaimed(): Promise<void> {
    const [row] = await this.#pool.read<{ claims: number }>('select count(*) claims from fence');
    if (row === undefined || row.claims > 0)
      throw new Error(
        'cores of the cluster have begun to write before the move was complete: stop them, drop the databases, and begin again',
      );
  }

  /** The imported conversations, ascending by number. */
  async conversations({ after, limit }: { readonly after: number; readonly limit: number }) {
    const rows = await this.#pool.read<{ no: number; id: Buffer; last_seq: number }>(
      'select no, id, last_seq from conversation where no > ? order by no limit ?',
      [after, limit],
    );
    return rows.map(({ no, id, last_seq }) => ({
      no,
      conversationId: id.toString() as ConversationId,
      lastSeq: last_seq as Seq,
    }));
  }

  /** Counts the rows. */
  async counts(): Promise<{ readonly conversations: number; readonly entries: number }> {
    const [row] = await this.#pool.read<{ conversations: number; entries: number }>(
      'select (select count(*) from conversation) conversations, (select count(*) from entry) + (select count(*) from entry_change) entries',
    );
    return { conversations: row?.conversations ?? 0, entries: row?.entries ?? 0 };
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  #shardsOf(batch: readonly NewEntry[]): ReadonlyMap<ConversationId, number> {
    const ids = new Set(batch.map(({ conversationId }) => conversationId));
    return new Map([...ids].map((id) => [id, this.#shardOf(id)]));
  }

  async #settle(db: Statements, messages: readonly MovedMessage[]): Promise<void> {
    if (messages.length === 0) return;
    const { sql, values } = placesTable(
      ['id', 'seq', 'as_of_seq', 'is_pinned', 'state'],
      messages.map((one) => [
        Buffer.from(one.conversationId),
        one.seq,
        one.asOfSeq,
        one.isPinned ? 1 : 0,
        Buffer.from(one.stateJson),
      ]),
    );
    // The month is that of the message. A message of a removed month has no segment, and so gets no state.
    await db.run(
      `insert into message_state (conversation_no, seq, month, as_of_seq, is_pinned, state)
       select straight_join c.no, p.seq, max(s.month), p.as_of_seq, p.is_pinned, p.state from ${sql}
       join conversation c on c.id = p.id join segment s on s.conversation_no = c.no and s.first_seq <= p.seq
       group by c.no, p.seq, p.as_of_seq, p.is_pinned, p.state
       on duplicate key update as_of_seq = values(as_of_seq), is_pinned = values(is_pinned), state = values(state)`,
      values,
    );
    await this.#erase(db, messages);
  }

  async #erase(db: Statements, messages: readonly MovedMessage[]): Promise<void> {
    const erased = messages.filter((one) => one.erased.length > 0);
    if (erased.length === 0) return;
    const contents = placesTable(
      ['id', 'seq', 'content'],
      erased.flatMap((one) =>
        one.erased.map(({ seq, contentJson }) => [Buffer.from(one.conversationId), seq, Buffer.from(contentJson)]),
      ),
    );
    for (const table of ['entry', 'entry_change'])
      await db.run(
        `update ${contents.sql} straight_join conversation c on c.id = p.id
         straight_join ${table} e on e.conversation_no = c.no and e.seq = p.seq set e.content = p.content`,
        contents.values,
      );
    const { sql, values } = placesTable(
      ['id', 'seq'],
      erased.map((one) => [Buffer.from(one.conversationId), one.seq]),
    );
    const of = (table: string) =>
      `${sql} straight_join conversation c on c.id = p.id straight_join ${table} e on e.conversation_no = c.no and e.seq = p.seq`;
    await db.run(`update ${of('entry')} set e.refs = null`, values);
    await db.run(`delete e from ${of('mention')}`, values);
    await db.run(
      `insert ignore into erased (conversation_no, seq, month) select e.conversation_no, e.seq, e.month from ${of('entry')}
       where e.is_counted = 1`,
      values,
    );
  }

  #insert(db: Statements, insert: Insert): Promise<void> {
    return insertRows(db, insert, this.#pool.statementBytesMax);
  }
}

/** Throws when another process has imported a page meanwhile. */
async function advance(
  db: Statements,
  { after, through }: { readonly after: number; readonly through: number },
): Promise<void> {
  const [origin] = await db.rows<{ through: number; is_complete: number }>(
    'select through, is_complete from origin where id = 1 for update',
  );
  if (origin === undefined || origin.is_complete === 1 || origin.through !== after)
    throw new Error(`the move is at ${origin?.through} and not at ${after}: does another hongyan migrate run?`);
  if (through !== after) await db.run('update origin set through = ? where id = 1', [through]);
}

async function noteMoment(
  db: Statements,
  { number, shards }: { readonly number: number; readonly shards: readonly Pick<ShardFacts, 'no' | 'lastCommit'>[] },
): Promise<void> {
  const vector = [...shards].sort((a, b) => a.no - b.no).map(({ lastCommit }) => lastCommit);
  await db.run('insert into origin_position (number, vector) values (?, ?)', [number, formatNumbers(vector)]);
}

const byNo = (shards: readonly ShardFacts[]): readonly (readonly [number, ShardFacts])[] =>
  shards.map((shard) => [shard.no, shard]);

async function lockShards(db: Statements): Promise<ReadonlyMap<number, ShardFacts>> {
  const rows = await db.rows<{ no: number; last_commit: number; month: number }>(
    'select no, last_commit, month from shard order by no for update',
  );
  return new Map(rows.map(({ no, last_commit, month }) => [no, { no, lastCommit: last_commit, month }]));
}

/** Sets the head of conversations without imported entries to the one before their first imported entry. */
function beforeFirsts(
  conversations: ReadonlyMap<ConversationId, ConversationFacts>,
  { entries }: MovedPage,
): ReadonlyMap<ConversationId, ConversationFacts> {
  const facts = new Map(conversations);
  for (const { entry } of entries.toReversed()) {
    const known = conversations.get(entry.conversationId);
    if (known === undefined || known.month > 0) continue;
    const lastCount = entry.count - (entry.isCounted ? 1 : 0);
    facts.set(known.id, { ...known, lastSeq: entry.seq - 1, lastCount });
  }
  return facts;
}

/** Oldest first, because partitions are created in that order. */
const monthsOf = (batch: readonly NewEntry[]): readonly number[] =>
  [...new Set(batch.map(({ timestampMs }) => monthOf(timestampMs)))].sort((a, b) => a - b);

/** A state entry gets the present state of its message. Later entries set the same or their own. */
function newEntryOf({ entry, mentioned }: MovedEntry, { messages }: MovedPage): NewEntry {
  const { seq: _, count: _count, referencesJson, targetSeq, ...fields } = entry;
  const message =
    targetSeq === undefined
      ? undefined
      : messages.find((one) => one.seq === targetSeq && one.conversationId === entry.conversationId);
  return {
    ...fields,
    ...(referencesJson === undefined ? {} : { references: { json: referencesJson, mentioned } }),
    ...(targetSeq === undefined
      ? {}
      : { target: { seq: targetSeq, stateJson: message?.stateJson ?? '', isPinned: message?.isPinned === true } }),
  };
}
