// The feed of the MySQL timeline. Each shard numbers its commits without holes. A page takes entries from all shards that have more.

import type { Clock } from '@hongyan/base/clock';
import type { ConversationId } from '@hongyan/protocol/ids';
import type { MysqlPool } from '../../adapters/mysql/pool.ts';
import type { SqlValue } from '../../adapters/mysql/session.ts';
import { type Feed, type FeedPage, UnknownPosition } from './feed.ts';
import { formatVector, parseVector, type ShardVector } from './mysql/position-vector.ts';
import { type EntryRow, entryColumns, entryOf } from './mysql/rows.ts';
import { isBeyond, readShards, type Shard } from './mysql/shards.ts';
import type { Position, StoredEntry } from './timeline.ts';

/** How often a waiting reader polls for commits of other processes. It is notified of those of its own process. */
const lookEveryMs = { first: 5, max: 250 };

interface FeedRow extends EntryRow {
  readonly shard: number;
  readonly commit_no: number;
  readonly id: Buffer;
}

/** The entries of a shard after the requested position. */
interface Pending {
  readonly shard: number;
  /** The last commit before the requested ones. */
  readonly after: number;
  readonly through: number;
}

export class MysqlFeed implements Feed {
  readonly #pool: MysqlPool;
  readonly #epoch: string;
  readonly #clock: Clock;
  readonly #waiters = new Set<() => void>();

  constructor(pool: MysqlPool, { epoch, clock }: { readonly epoch: string; readonly clock: Clock }) {
    this.#pool = pool;
    this.#epoch = epoch;
    this.#clock = clock;
  }

  async start(): Promise<Position> {
    const shards = await readShards(this.#pool);
    return formatVector(
      this.#epoch,
      shards.map(({ removedThrough }) => removedThrough),
    );
  }

  async read({ after, limit }: Parameters<Feed['read']>[0]): Promise<FeedPage> {
    const { vector, shards } = await this.#locate(after);
    const starts = vector.map((commit, shard) => Math.max(commit, shards[shard]?.removedThrough ?? 0));
    const pending = pendingOf(starts, shards);
    const rows = await this.#rows(pending, Math.ceil(limit / Math.max(1, pending.length)));
    // Commit numbers have no holes: when the first one is missing, retention has removed it since the shards were read.
    const isMissing = pending.some(({ shard, after: last }) => rows.get(shard)?.at(0)?.commit_no !== last + 1);
    const taken = merge([...rows.values()], limit);
    const reached = [...starts];
    for (const { shard, commit_no } of taken) reached[shard] = commit_no;
    for (const { shard, through } of pending) if (rows.get(shard)?.length === 0) reached[shard] = through;
    return {
      entries: taken.map(entryOfFeed),
      position: formatVector(this.#epoch, reached),
      isAtEnd: shards.every(({ lastCommit }, shard) => (reached[shard] ?? 0) >= lastCommit),
      hasGap: isMissing || starts.some((start, shard) => start > (vector[shard] ?? 0)),
    };
  }

  async wait({ after, signal }: Parameters<Feed['wait']>[0]): Promise<void> {
    for (let delayMs = lookEveryMs.first; ; delayMs = Math.min(2 * delayMs, lookEveryMs.max)) {
      const woken = Promise.withResolvers<void>();
      const wake = () => woken.resolve();
      // Registered before the check, so that a later commit is not missed.
      this.#waiters.add(wake);
      try {
        const { vector, shards } = await this.#locate(after);
        if (signal.aborted || shards.some(({ lastCommit }, shard) => lastCommit > (vector[shard] ?? 0))) return;
        signal.addEventListener('abort', wake, { once: true });
        const timer = this.#clock.after(delayMs, wake);
        await woken.promise;
        timer.cancel();
        if (signal.aborted) return;
      } finally {
        this.#waiters.delete(wake);
        signal.removeEventListener('abort', wake);
      }
    }
  }

  /** Call it when this process has committed entries. */
  notify(): void {
    for (const wake of this.#waiters) wake();
  }

  async #locate(position: Position): Promise<{ readonly vector: ShardVector; readonly shards: readonly Shard[] }> {
    const vector = parseVector(this.#epoch, position);
    if (vector === undefined) throw new UnknownPosition(position);
    const shards = await readShards(this.#pool);
    if (isBeyond(vector, shards)) throw new UnknownPosition(position);
    return { vector, shards };
  }

  /**
   * The oldest `count` entries of each shard, in commit order. Forces the index of that order, whatever the statistics of the server say.
   */
  async #rows(pending: readonly Pending[], count: number): Promise<ReadonlyMap<number, readonly FeedRow[]>> {
    if (pending.length === 0) return new Map();
    const select = (table: string) =>
      `(select straight_join e.shard, e.commit_no, c.id, ${entryColumns('e')}
        from ${table} e force index (by_commit) join conversation c on c.no = e.conversation_no
        where e.shard = ? and e.commit_no > ? and e.commit_no <= ? order by e.commit_no limit ?)`;
    const ofShard = `${select('entry')} union all ${select('entry_change')}`;
    const rows = await this.#pool.read<FeedRow>(
      pending.map(() => ofShard).join(' union all '),
      pending.flatMap(({ shard, after, through }): SqlValue[] => {
        const values = [shard, after, through, count];
        return [...values, ...values];
      }),
    );
    return new Map(
      pending.map(({ shard }) => {
        const found = rows.filter((row) => row.shard === shard).toSorted((a, b) => a.commit_no - b.commit_no);
        return [shard, found.slice(0, count)];
      }),
    );
  }
}

const pendingOf = (starts: ShardVector, shards: readonly Shard[]): readonly Pending[] =>
  shards.flatMap(({ lastCommit }, shard) => {
    const after = starts[shard] ?? 0;
    return lastCommit > after ? [{ shard, after, through: lastCommit }] : [];
  });

/** Merges ordered lists: the oldest `count` entries. No shard waits for a busier one. */
function merge(lists: readonly (readonly FeedRow[])[], count: number): FeedRow[] {
  const heads = lists.map((rows) => ({ rows, next: 0 }));
  const merged: FeedRow[] = [];
  while (merged.length < count) {
    let oldest: { readonly row: FeedRow; readonly list: (typeof heads)[number] } | undefined;
    for (const list of heads) {
      const row = list.rows[list.next];
      if (row && (oldest === undefined || row.timestamp_ms < oldest.row.timestamp_ms)) oldest = { row, list };
    }
    if (oldest === undefined) break;
    oldest.list.next++;
    merged.push(oldest.row);
  }
  return merged;
}

const entryOfFeed = (row: FeedRow): StoredEntry => entryOf(row, row.id.toString() as ConversationId);
