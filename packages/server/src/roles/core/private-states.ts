// The present state of a private timeline: a fold of its entries, stored in the directory [E21]. The timeline is written first. The next
// read applies entries that a crash kept from the directory.

import { assert } from '@hongyan/base/assert';
import { OutageLog } from '@hongyan/base/outage-log';
import { ok, StoreFailure } from '@hongyan/base/result';
import type { PrivateContent, recalledContent } from '@hongyan/protocol/content';
import type { Seq, UserId } from '@hongyan/protocol/ids';
import type { Input, Output } from '@hongyan/protocol/operations/operations';
import { privateTimelineId } from '@hongyan/protocol/private';
import type { Result } from '@hongyan/protocol/refusals';
import { fittingCount } from '../../domain/page.ts';
import { rowOf } from '../../domain/private-change.ts';
import type { Caller } from '../../ports/core/core.ts';
import type { PrivateRow, PrivateTotals, PrivateUpdate } from '../../ports/directory/private-states.ts';
import type { Head, StoredEntry } from '../../ports/timeline/timeline.ts';
import type { CoreDeps } from './deps.ts';

const limitDefault = 200;
/** Entries applied in one step. */
const stepSize = 200;

export class PrivateStates {
  readonly #deps: Pick<CoreDeps, 'directory' | 'timeline' | 'limits'>;
  readonly #outage: OutageLog;

  constructor(deps: Pick<CoreDeps, 'directory' | 'timeline' | 'limits' | 'clock' | 'log'>) {
    const { clock, log } = deps;
    const [failing, over] = ['private state not stored', 'private state is stored again'];
    this.#outage = new OutageLog({ failing, over, clock, log });
    this.#deps = deps;
  }

  async page({ userId }: Caller, { after, limit }: Input<'privateState'>): Promise<Result<Output<'privateState'>>> {
    const { directory, limits } = this.#deps;
    // Read before the rows, which may be newer: the client applies the entries after this seq again, in order.
    const { asOfSeq } = await this.upToDate(userId);
    const wanted = Math.min(limit ?? limitDefault, limits.pageMax);
    const rows = await directory.privatePage({
      ...{ userId, limit: wanted + 1 },
      ...(after === undefined ? {} : { after }),
    });
    const page = rows.slice(0, wanted);
    const fitting = page.slice(
      0,
      fittingCount(page, ({ json }) => json.length, limits.pageBytesMax),
    );
    const next = fitting.length < rows.length ? fitting.at(-1)?.key : undefined;
    return ok({
      as_of_seq: asOfSeq,
      items: fitting.map(itemOf),
      ...(next === undefined ? {} : { next }),
    });
  }

  /** The totals after applying every entry that was committed before the call. */
  async upToDate(userId: UserId): Promise<PrivateTotals> {
    const { directory, timeline } = this.#deps;
    const conversationId = privateTimelineId(userId);
    for (;;) {
      const totals = await directory.privateTotals(userId);
      const { asOfSeq } = totals;
      // Read after the totals: a concurrent append makes the head newer, never older.
      const head = await this.#head(userId);
      if (asOfSeq === head.lastSeq) return totals;
      // The timeline was restored to an earlier state: the rows stay, and its seqs continue from there.
      if (asOfSeq > head.lastSeq) {
        await this.#put({ userId, afterSeq: asOfSeq, asOfSeq: head.lastSeq, rows: [], reads: [] });
        continue;
      }
      const { entries } = await timeline.range({
        ...{ conversationId, afterSeq: asOfSeq, limit: stepSize },
        withTargeted: true,
      });
      const asOf = entries.at(-1)?.seq ?? head.lastSeq;
      await this.#put({ userId, afterSeq: asOfSeq, asOfSeq: asOf, ...changesOf(userId, entries) });
    }
  }

  /**
   * Like `upToDate`, for reads that show positions of the user [E3, E23]. If the directory cannot store missing entries now, the read
   * continues with the present rows. Returns the newest seq of the private timeline.
   */
  async appliedIfPossible(userId: UserId): Promise<Seq> {
    try {
      return (await this.upToDate(userId)).asOfSeq;
    } catch (error) {
      if (!(error instanceof StoreFailure)) throw error;
      this.#outage.failed(error);
      return (await this.#head(userId)).lastSeq;
    }
  }

  async #head(userId: UserId): Promise<Head> {
    const [head] = await this.#deps.timeline.heads([privateTimelineId(userId)]);
    assert(head, 'a timeline returns a head for each id');
    return head;
  }

  /** Applies an entry that was just appended after `afterSeq`. The entry is durable: after a failure the next read applies it. */
  async apply(userId: UserId, entry: StoredEntry, afterSeq: Seq): Promise<void> {
    try {
      await this.#put({ userId, afterSeq, asOfSeq: entry.seq, ...changesOf(userId, [entry]) });
    } catch (error) {
      this.#outage.failed(error);
    }
  }

  async #put(update: PrivateUpdate): Promise<void> {
    await this.#deps.directory.putPrivate(update);
    this.#outage.worked();
  }
}

export const contentOfRow = ({ json }: Pick<PrivateRow, 'json'>): PrivateContent => JSON.parse(json) as PrivateContent;

function itemOf(row: PrivateRow): Output<'privateState'>['items'][number] {
  const { type: _type, others, ...content } = contentOfRow(row);
  return { seq: row.seq, ...content, ...(others ? { others: [...others] } : {}) };
}

function changesOf(userId: UserId, entries: readonly StoredEntry[]): Pick<PrivateUpdate, 'rows' | 'reads'> {
  const contents = entries.map(({ seq, timestampMs, contentJson }) => ({
    ...{ seq, atMs: timestampMs },
    content: JSON.parse(contentJson) as PrivateContent | typeof recalledContent,
  }));
  return {
    rows: contents.flatMap(({ seq, content }) => {
      const row = rowOf(content);
      return row ? [{ ...row, seq }] : [];
    }),
    reads: contents.flatMap(({ content, atMs }) =>
      content.type === 'hongyan.private' && content.change.type === 'read'
        ? [{ conversationId: content.change.conversation_id, userId, sentSeq: content.change.seq, atMs }]
        : [],
    ),
  };
}
