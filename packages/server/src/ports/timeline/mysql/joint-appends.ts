// Commits the appends of several partitions in one transaction. Appends that arrive during a commit share the next one. Otherwise a core
// that owns many partitions with few appends each would pay the statements and the flush of a transaction for each of them.

import { Batcher } from '@hongyan/base/batcher';
import type { Clock } from '@hongyan/base/clock';
import { StoreFailure } from '@hongyan/base/result';
import type { AppendResult, NewEntry } from '../timeline.ts';
import type { Append } from './appender.ts';

type Results = readonly AppendResult[];

/** While one transaction waits for the disk, the next one is written. */
const transactionsMax = 2;
/**
 * The minimum interval between transactions under load: a transaction costs about the same for the entries of one partition as for those of
 * all. It is shorter than the interval between fetches, so that the records of a fetch are committed before the next fetch.
 */
const minIntervalMs = 8;
/**
 * The bounds of a transaction, unless a single append is larger. All appends of a transaction wait for all of it, and databases reject
 * transactions of about a hundred megabytes.
 */
const entriesMax = 1_000;
const bytesMax = 4 * 1024 * 1024;

export class JointAppends {
  readonly #commit: (appends: readonly Append[]) => Promise<readonly Results[]>;
  readonly #batcher: Batcher<Append, PromiseSettledResult<Results>>;

  /** `commit` executes one transaction. */
  constructor(commit: (appends: readonly Append[]) => Promise<readonly Results[]>, clock: Clock) {
    this.#commit = commit;
    this.#batcher = new Batcher({
      // Bounded by the caller, which has one append per partition in flight.
      itemsMax: Number.POSITIVE_INFINITY,
      batchMax: Number.POSITIVE_INFINITY,
      inFlightMax: transactionsMax,
      pace: { clock, minIntervalMs },
      handle: async (appends) => (await Promise.all(groupsOf(appends).map((group) => this.#commitGroup(group)))).flat(),
    });
  }

  /** The caller MUST NOT have two appends of one partition in flight, because they could commit in any order. */
  async append(append: Append): Promise<Results> {
    const outcome = await this.#batcher.submit(append);
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  }

  /** When a joint transaction fails, each append is tried alone, so that one invalid append does not fail the others. */
  async #commitGroup(appends: readonly Append[]): Promise<readonly PromiseSettledResult<Results>[]> {
    try {
      const results = await this.#commit(appends);
      return results.map((value) => ({ status: 'fulfilled', value }));
    } catch (reason) {
      // The callers must know that a retry may be a duplicate.
      const mayBeWritten = reason instanceof StoreFailure && reason.code === 'unknown_outcome';
      if (appends.length === 1 || mayBeWritten) return appends.map(() => ({ status: 'rejected', reason }));
      return (await Promise.all(appends.map((append) => this.#commitGroup([append])))).flat();
    }
  }
}

/** Splits the appends, in order, into groups of at most `entriesMax` entries and `bytesMax` text. */
function groupsOf(appends: readonly Append[]): readonly (readonly Append[])[] {
  const groups: Append[][] = [];
  const room = { entries: 0, bytes: 0 };
  for (const append of appends) {
    const last = groups.at(-1);
    const bytes = append.batch.reduce((sum, entry) => sum + textBytesOf(entry), 0);
    if (last && append.batch.length <= room.entries && bytes <= room.bytes) last.push(append);
    else {
      groups.push([append]);
      room.entries = entriesMax;
      room.bytes = bytesMax;
    }
    room.entries -= append.batch.length;
    room.bytes -= bytes;
  }
  return groups;
}

/** Approximate: counts characters instead of bytes. */
const textBytesOf = ({ contentJson, references, target }: NewEntry): number =>
  contentJson.length + (references?.json.length ?? 0) + (target?.stateJson.length ?? 0);
