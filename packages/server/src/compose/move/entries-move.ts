// The entries of all conversations: copied in the order of their commits, followed, and checked.

import type { ConversationId } from '@hongyan/protocol/ids';
import type { MovedPage } from '../../ports/timeline/moved-page.ts';
import type { MysqlTimelineImport } from '../../ports/timeline/mysql-timeline-import.ts';
import type { SqliteTimelineExport } from '../../ports/timeline/sqlite-timeline-export.ts';
import type { Place, Position } from '../../ports/timeline/timeline.ts';
import { ContentDiffers, checkConversation, type Extent } from './conversations-check.ts';
import type { MoveProgress } from './progress.ts';

interface Surroundings {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: MoveProgress) => void;
}

/** Entries of one transaction. */
const pageSize = 1_000;
/** Conversations asked for at once. */
const listedMax = 200;
const checksAtOnce = 4;
/** Of what was written between two reads of it, the next round sees the same on both sides. */
const roundsMax = 5;

export class EntriesMove {
  readonly #from: SqliteTimelineExport;
  readonly #to: MysqlTimelineImport;
  readonly #surroundings: Surroundings;
  #through = 0;
  /** What came over since all was checked. */
  readonly #unchecked = new Unchecked();

  constructor(from: SqliteTimelineExport, to: MysqlTimelineImport, surroundings: Surroundings) {
    this.#from = from;
    this.#to = to;
    this.#surroundings = surroundings;
  }

  get through(): number {
    return this.#through;
  }

  /** Where the last run came to, or from the beginning. */
  async begin(): Promise<void> {
    const { epoch } = this.#from;
    if ((await this.#to.state()) === undefined)
      await this.#to.begin({ epoch, removedThrough: this.#from.removedThrough() });
    this.#through = (await this.#to.state())?.through ?? 0;
    if (this.#through > this.#from.end())
      throw new Error(
        'the cluster has entries that the data folder lacks, because an older copy of the folder was restored: drop the databases and start the migration anew',
      );
    for (let after: string | undefined = ''; after !== undefined; ) {
      const heads = this.#from.ended(after, pageSize);
      if (heads.length > 0) await this.#to.addEnded(heads);
      after = heads.length < pageSize ? undefined : heads.at(-1)?.conversationId;
    }
  }

  /** Up to the end of what is committed now. Returns how many entries came over. */
  async copy(step: MoveProgress['step']): Promise<number> {
    const { signal, onProgress } = this.#surroundings;
    const end = this.#from.end();
    const of = this.#from.countThrough(end);
    let copied = 0;
    while (this.#through < end) {
      signal.throwIfAborted();
      const page = this.#from.page(this.#through, pageSize);
      if (page === undefined) break;
      await this.#to.add(page, { after: this.#through });
      this.#through = page.through;
      copied += page.entries.length;
      this.#unchecked.add(page);
      onProgress({ step, what: 'entries', done: this.#from.countThrough(this.#through), of });
    }
    return copied;
  }

  /** What the cluster's feed says for a position of the source's, up to which everything came over. */
  feedPositionOf(position: Position): Promise<Position> {
    const { epoch } = this.#from;
    return this.#to.feedPositionOf(position, {
      epoch,
      between: (after, through) => this.#from.between(after, through),
    });
  }

  /** Every conversation, while others write to it. */
  async checkAll(): Promise<{ readonly conversations: number; readonly entries: number }> {
    const { onProgress } = this.#surroundings;
    this.#unchecked.clear();
    const { conversations, entries } = await this.#to.counts();
    const inSource = this.#from.countThrough(this.#through);
    if (entries < inSource)
      throw new Error(
        `the cluster has ${entries} entries and the data folder ${inSource}: drop the databases and start the migration anew`,
      );
    let done = 0;
    for (let after = 0; ; ) {
      const listed = await this.#to.conversations({ after, limit: listedMax });
      const last = listed.at(-1);
      if (last === undefined) break;
      const heads = await this.#from.reads().heads(listed.map(({ conversationId }) => conversationId));
      await this.#check(
        listed.map(({ conversationId, lastSeq: throughSeq }, index) => {
          const head = heads[index];
          if (head === undefined || head.lastSeq < throughSeq)
            throw new Error(
              `conversation ${conversationId} has entries up to ${throughSeq} in the cluster, which the data folder lacks`,
            );
          return { conversationId, fromSeq: head.firstSeq, throughSeq, changedThroughSeq: throughSeq };
        }),
      );
      after = last.no;
      done += listed.length;
      onProgress({ step: 'checking', what: 'conversations', done, of: conversations });
    }
    return { conversations, entries };
  }

  /** What came over since, when nobody writes any more. */
  async checkRest(): Promise<void> {
    await this.#check(this.#unchecked.extents());
    this.#unchecked.clear();
    const end = this.#from.end();
    if (this.#through !== end)
      throw new Error(
        `the store ends at ${end}, the migration at ${this.#through}: another server writes to the store`,
      );
  }

  async #check(extents: readonly Extent[]): Promise<void> {
    let open = extents;
    for (let round = 1; open.length > 0; round++) {
      this.#surroundings.signal.throwIfAborted();
      const failures = await this.#checkOnce(open);
      if (failures.length === 0) return;
      const [{ error } = { error: undefined }] = failures;
      if (round === roundsMax) throw error;
      await this.copy('checking');
      open = failures.map(({ extent }) => extent);
    }
  }

  async #checkOnce(
    extents: readonly Extent[],
  ): Promise<readonly { readonly extent: Extent; readonly error: ContentDiffers }[]> {
    const sides = { there: this.#from.reads(), here: this.#to.reads(this.#from.epoch) };
    const failures: { extent: Extent; error: ContentDiffers }[] = [];
    const waiting = [...extents];
    const work = async () => {
      for (let extent = waiting.pop(); extent !== undefined; extent = waiting.pop()) {
        try {
          const { staleStates } = await checkConversation(extent, sides);
          const [first] = staleStates;
          if (first === undefined) continue;
          await this.#to.settle(this.#from.messages(staleStates));
          const error = new ContentDiffers(
            `conversation ${first.conversationId}, seq ${first.seq}: the message has another state`,
          );
          failures.push({ extent, error });
        } catch (error) {
          if (!(error instanceof ContentDiffers)) throw error;
          failures.push({ extent, error });
        }
      }
    };
    await Promise.all(Array.from({ length: checksAtOnce }, work));
    return failures;
  }
}

/** New entries of each conversation, and older messages that they changed. */
class Unchecked {
  readonly #entries = new Map<ConversationId, { fromSeq: number; throughSeq: number }>();
  readonly #messages = new Map<string, Place>();

  add({ entries, messages }: MovedPage): void {
    for (const { entry } of entries) {
      const known = this.#entries.get(entry.conversationId);
      this.#entries.set(entry.conversationId, { fromSeq: known?.fromSeq ?? entry.seq, throughSeq: entry.seq });
    }
    for (const { conversationId, seq } of messages)
      this.#messages.set(`${conversationId} ${seq}`, { conversationId, seq });
  }

  clear(): void {
    this.#entries.clear();
    this.#messages.clear();
  }

  extents(): readonly Extent[] {
    const changedThroughSeq = Number.POSITIVE_INFINITY;
    return [
      ...[...this.#entries].map(([conversationId, ends]) => ({ conversationId, ...ends, changedThroughSeq })),
      ...[...this.#messages.values()].map(({ conversationId, seq }) => ({
        ...{ conversationId, fromSeq: seq, throughSeq: seq, changedThroughSeq },
      })),
    ];
  }
}
