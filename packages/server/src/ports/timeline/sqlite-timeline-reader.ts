// The timeline's files read beside the server that writes them, or while none does: for operators' questions. Changes nothing.

import type { Database } from 'bun:sqlite';
import type { ClientMsgId, ConversationId, MsgId, Seq } from '@hongyan/protocol/ids';
import { openReader } from '../../adapters/sqlite/open.ts';
import { prepareHead } from './heads-file.ts';
import { headsPath, listMonths } from './month-file.ts';
import { MonthReader } from './month-reader.ts';
import type { Month, StoredEntry } from './timeline.ts';

/** What of a conversation lies in one month's file. */
export interface MonthSpan {
  readonly month: Month;
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
}

/** Sees what was committed before each call; of months that begin after it was opened, nothing. */
export class SqliteTimelineReader {
  /** Oldest first. */
  readonly #months: readonly MonthReader[];
  readonly #headsDb: Database;
  readonly #closedHead: ReturnType<typeof prepareHead>;

  /** Throws when there is no timeline in `folder`. */
  constructor(folder: string) {
    this.#months = listMonths(folder).map((month) => new MonthReader(folder, month));
    this.#headsDb = openReader(headsPath(folder));
    this.#closedHead = prepareHead(this.#headsDb);
  }

  /** Oldest first; only months that hold entries of the conversation. */
  spans(conversationId: ConversationId): readonly MonthSpan[] {
    return this.#months.flatMap((reader) => {
      const [firstSeq, last] = [reader.firstSeq(conversationId), reader.last(conversationId)];
      return firstSeq === undefined || last === undefined ? [] : [{ month: reader.month, firstSeq, lastSeq: last.seq }];
    });
  }

  /** As the port's Head: firstSeq is lastSeq + 1 when every month of the conversation was dropped. */
  bounds(conversationId: ConversationId): { readonly firstSeq: Seq; readonly lastSeq: Seq } {
    const spans = this.spans(conversationId);
    const lastSeq = spans.at(-1)?.lastSeq ?? this.#closedHead.get(conversationId)?.last_seq ?? (0 as Seq);
    return { firstSeq: spans[0]?.firstSeq ?? ((lastSeq + 1) as Seq), lastSeq };
  }

  /** The newest entries, ascending. */
  newest(conversationId: ConversationId, limit: number): readonly StoredEntry[] {
    let entries: StoredEntry[] = [];
    for (const month of this.#months.toReversed()) {
      if (entries.length >= limit) break;
      const before = entries[0]?.seq ?? (Number.MAX_SAFE_INTEGER as Seq);
      entries = [...month.before(conversationId, before, limit - entries.length), ...entries];
    }
    return entries;
  }

  byMsgId(msgId: MsgId): StoredEntry | undefined {
    return this.#months.map((month) => month.byMsgId(msgId)).find((entry) => entry !== undefined);
  }

  /** Of every sender who used the key. */
  byClientMsgId(clientMsgId: ClientMsgId): readonly StoredEntry[] {
    return this.#months.flatMap((month) => month.byKeyOfAnyone(clientMsgId));
  }

  close(): void {
    for (const month of this.#months) month.close();
    this.#headsDb.close();
  }
}
