// A month that gets no more entries, as the writer asks it: for keys, and for where conversations stand until heads.db has all of that.

import { assert } from '@hongyan/base/assert';
import type { ConversationId } from '@hongyan/protocol/ids';
import type { HeadsFile } from './heads-file.ts';
import type { KeyRange } from './key-range.ts';
import type { Month } from './month.ts';
import { MonthReader } from './month-reader.ts';

/** About a millisecond. In the order of ids, so that they lie together in heads.db. */
const headsPerStepDefault = 128;

export interface ClosedMonthOptions {
  readonly folder: string;
  readonly month: Month;
  readonly areHeadsTakenOver: boolean;
  readonly headsPerStep?: number | undefined;
}

export class ClosedMonth {
  readonly reader: MonthReader;
  readonly keys: KeyRange;
  readonly #headsPerStep: number;
  #areHeadsTakenOver: boolean;
  /** Heads up to this conversation are taken over. */
  #takenOverThrough = '';

  /** MUST come after everything of the month was sorted. */
  constructor(options: ClosedMonthOptions) {
    const reader = MonthReader.open(options.folder, options.month);
    assert(reader, 'a closed month has its tables');
    this.reader = reader;
    this.keys = reader.keyRange();
    this.#headsPerStep = options.headsPerStep ?? headsPerStepDefault;
    this.#areHeadsTakenOver = options.areHeadsTakenOver;
  }

  get areHeadsTakenOver(): boolean {
    return this.#areHeadsTakenOver;
  }

  /** One step of it; after a crash the first comes again, which changes nothing. MUST come after those of the months before it. */
  takeOverHeads(into: HeadsFile): void {
    const { month } = this.reader;
    const heads = this.reader.heads({ after: this.#takenOverThrough, limit: this.#headsPerStep });
    into.takeOver(
      month,
      heads.filter(({ seq }) => seq > 0),
    );
    const last = heads.at(-1);
    if (last && heads.length === this.#headsPerStep) {
      this.#takenOverThrough = last.id;
      return;
    }
    into.closeMonth(month, this.reader.lastP());
    this.#areHeadsTakenOver = true;
  }

  /** Where a conversation stood at the end of the month; undefined when the month does not tell. */
  standing(conversationId: ConversationId): { readonly lastSeq: number; readonly lastCount: number } | undefined {
    const last = this.reader.last(conversationId);
    return last && { lastSeq: last.seq, lastCount: last.count };
  }

  close(): void {
    this.reader.close();
  }
}
