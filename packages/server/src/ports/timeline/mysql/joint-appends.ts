// Appends of several partitions in one transaction: what comes while others commit shares the next one. A core that owns many
// partitions with little in each would otherwise pay all statements of a transaction, and its flush, for every one of them.

import { Batcher } from '@hongyan/base/batcher';
import type { Clock } from '@hongyan/base/clock';
import { StoreFailure } from '@hongyan/base/result';
import type { AppendResult, NewEntry } from '../timeline.ts';
import type { Append } from './appender.ts';

type Results = readonly AppendResult[];

/** While one transaction waits for the disk, another one is written. */
const transactionsMax = 2;
/**
 * Transactions begin so far apart under load: each costs about the same for the entries of one partition as for those of all. Less
 * than fetches are apart, so that what one fetch brought is committed at once, and not when another one has brought more.
 */
const minIntervalMs = 8;
/**
 * Of one transaction, unless one append has more by itself. Whoever shares one waits for all of it, and databases refuse those of a
 * hundred megabytes or so.
 */
const entriesMax = 1_000;
const bytesMax = 4 * 1024 * 1024;

export class JointAppends {
  readonly #commit: (appends: readonly Append[]) => Promise<readonly Results[]>;
  readonly #batcher: Batcher<Append, PromiseSettledResult<Results>>;

  /** `commit` is one transaction. */
  constructor(commit: (appends: readonly Append[]) => Promise<readonly Results[]>, clock: Clock) {
    this.#commit = commit;
    this.#batcher = new Batcher({
      // The caller's bound: it has one append of each partition under way.
      itemsMax: Number.POSITIVE_INFINITY,
      batchMax: Number.POSITIVE_INFINITY,
      inFlightMax: transactionsMax,
      pace: { clock, minIntervalMs },
      handle: async (appends) => (await Promise.all(groupsOf(appends).map((group) => this.#commitGroup(group)))).flat(),
    });
  }

  /** The caller MUST NOT have two of one partition under way: they might commit in any order. */
  async append(append: Append): Promise<Results> {
    const outcome = await this.#batcher.submit(append);
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  }

  /** What one of them cannot do is not the others' failure. */
  async #commitGroup(appends: readonly Append[]): Promise<readonly PromiseSettledResult<Results>[]> {
    try {
      const results = await this.#commit(appends);
      return results.map((value) => ({ status: 'fulfilled', value }));
    } catch (reason) {
      // Whoever asked has to know that it may be a repeat.
      const mayBeWritten = reason instanceof StoreFailure && reason.code === 'unknown_outcome';
      if (appends.length === 1 || mayBeWritten) return appends.map(() => ({ status: 'rejected', reason }));
      return (await Promise.all(appends.map((append) => this.#commitGroup([append])))).flat();
    }
  }
}

/** In their order, each of `entriesMax` entries and `bytesMax` of their texts at most. */
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

/** Roughly: characters stand for bytes. */
const textBytesOf = ({ contentJson, references, target }: NewEntry): number =>
  contentJson.length + (references?.json.length ?? 0) + (target?.stateJson.length ?? 0);
