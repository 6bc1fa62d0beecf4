// Erasing a message: its content, and that of every entry that changed it, is overwritten wherever a month's file holds it [E5].

import type { Database } from 'bun:sqlite';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import { closeWriter, transactionOf } from '../../adapters/sqlite/open.ts';
import { assertLayout, openMonthWriter } from './month-file.ts';

export interface Erasure {
  readonly conversationId: ConversationId;
  readonly seq: Seq;
  /** What stands in the place of each content. */
  readonly contentJson: string;
}

/**
 * In the month being written. A row may be in the tail, in its sorted table, or in both while it is sorted: all are overwritten.
 * Both are in the transaction of the caller.
 */
export class Eraser {
  readonly #sql: ReturnType<typeof prepareErasure>;

  constructor(db: Database) {
    this.#sql = prepareErasure(db);
  }

  /** `tailPs`: where the tail holds contents of the message. */
  erase({ conversationId, seq, contentJson }: Erasure, tailPs: readonly number[]): void {
    for (const p of tailPs) this.#sql.tail.run(contentJson, p);
    this.#sql.entry.run(contentJson, conversationId, seq);
    this.#sql.change.run(contentJson, conversationId, seq);
    this.#sql.mention.run(conversationId, seq);
  }

  /** Of the month; the newest state of the message MUST be in a later one. */
  deleteState({ conversationId, seq }: Erasure): void {
    this.#sql.state.run(conversationId, seq);
  }
}

/** In a month that gets no more entries. Durable when it returns, and no longer in the log; see month-file.ts for what SQLite may keep. */
export function eraseInClosedMonth(path: string, erasures: readonly Erasure[]): void {
  const db = openMonthWriter(path, { cacheBytes: 4 * 1024 * 1024 });
  try {
    assertLayout(db, path);
    const eraser = new Eraser(db);
    const transaction = transactionOf(db);
    transaction.begin();
    for (const erasure of erasures) {
      eraser.erase(erasure, []);
      eraser.deleteState(erasure);
    }
    transaction.commit();
  } finally {
    closeWriter(db);
  }
}

function prepareErasure(db: Database) {
  const n = '((SELECT no FROM conversation WHERE id = ?) << 32) | ?';
  return {
    tail: db.prepare<unknown, [string, number]>('UPDATE tail SET content = ?, refs = NULL WHERE p = ?'),
    entry: db.prepare<unknown, [string, string, number]>(`UPDATE entry SET content = ?, refs = NULL WHERE n = (${n})`),
    change: db.prepare<unknown, [string, string, number]>(`UPDATE change SET content = ? WHERE target = (${n})`),
    mention: db.prepare<unknown, [string, number]>(`DELETE FROM mention WHERE n = (${n})`),
    state: db.prepare<unknown, [string, number]>(`DELETE FROM message_state WHERE n = (${n})`),
  };
}
