// A month without further entries, for the writer: lookups of keys, and of heads until heads.db has all of them.

import { assert } from '@hongyan/base/assert';
import type { ConversationId } from '@hongyan/protocol/ids';
import type { HeadsFile } from './heads-file.ts';
import type { KeyRange } from './key-range.ts';
import type { Month } from './month.ts';
import { MonthReader } from './month-reader.ts';

/** Takes about a millisecond. In the order of ids, so that the rows are adjacent in heads.db. */
const headsPerStepDefault = 128;

export interface ClosedMonthOptions {
  readonly folder: string;
  readonly month: Month;
  readonly areHeadsCopied: boolean;
  readonly headsPerStep?: number | undefined;
}

export class ClosedMonth {
  readonly reader: MonthReader;
  readonly keys: KeyRange;
  readonly #headsPerStep: number;
  #areHeadsCopied: boolean;
  /** The heads up to this conversation are copied. */
  #copiedThrough = '';

  /** All rows of the month MUST be sorted before. */
  constructor(options: ClosedMonthOptions) {
    const reader = MonthReader.open(options.folder, options.month);
    assert(reader, 'a closed month has its tables');
    this.reader = reader;
    this.keys = reader.keyRange();
    this.#headsPerStep = options.headsPerStep ?? headsPerStepDefault;
    this.#areHeadsCopied = options.areHeadsCopied;
  }

  get areHeadsCopied(): boolean {
    return this.#areHeadsCopied;
  }

  /**
   * Copies the next heads. After a crash it begins again, which changes nothing. MUST be called after all heads of the earlier months are
   * copied.
   */
  copyHeads(into: HeadsFile): void {
    const { month } = this.reader;
    const heads = this.reader.heads({ after: this.#copiedThrough, limit: this.#headsPerStep });
    into.addHeads(
      month,
      heads.filter(({ seq }) => seq > 0),
    );
    const last = heads.at(-1);
    if (last && heads.length === this.#headsPerStep) {
      this.#copiedThrough = last.id;
      return;
    }
    into.closeMonth(month, this.reader.lastP());
    this.#areHeadsCopied = true;
  }

  /** The head of a conversation at the end of the month; undefined when it has no entry in the month. */
  head(conversationId: ConversationId): { readonly lastSeq: number; readonly lastCount: number } | undefined {
    const last = this.reader.last(conversationId);
    return last && { lastSeq: last.seq, lastCount: last.count };
  }

  close(): void {
    this.reader.close();
  }
}
