// Erasing an entry: its content, and that of every entry that changed it, is overwritten wherever a month's file holds it [E5].

import type { Database } from 'bun:sqlite';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import { transactionOf } from '../../../adapters/sqlite/open.ts';
import { checkpointCleanly, type SweepTarget } from '../../../adapters/sqlite/sweep.ts';
import { assertLayout, openMonthWriter } from './month-schema.ts';

export interface Erasure {
  readonly conversationId: ConversationId;
  readonly seq: Seq;
  /** The entry that erases it: what it says, and what comes after it, stays. */
  readonly bySeq: Seq;
  /** What stands in the place of each content. */
  readonly contentJson: string;
}

/** As the month being written remembers it until no byte of the files holds the contents. */
export interface PendingErasure extends Erasure {
  readonly no: number;
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
  erase({ conversationId, seq, bySeq, contentJson }: Erasure, tailPs: readonly number[]): void {
    for (const p of tailPs) this.#sql.tail.run(contentJson, p);
    this.#sql.entry.run(contentJson, conversationId, seq);
    this.#sql.self.run(contentJson, conversationId, seq);
    this.#sql.change.run(contentJson, conversationId, seq, conversationId, bySeq);
    this.#sql.mention.run(conversationId, seq);
  }

  /** In a month before the one of the erasure: not the state that came with it. */
  deleteState({ conversationId, seq, bySeq }: Erasure): void {
    this.#sql.state.run(conversationId, seq, bySeq);
  }
}

/** A month that gets no more entries. Its checkpoints are left to sweep.ts. */
export function openToErase(path: string): Database {
  const db = openMonthWriter(path, { cacheBytes: 4 * 1024 * 1024, create: false });
  try {
    assertLayout(db, path);
    db.run('PRAGMA wal_autocheckpoint=0');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** In a month that gets no more entries. Durable when it returns; the file is to be swept. */
export function eraseInClosedMonth({ path, file }: Omit<SweepTarget, 'db'>, erasures: readonly Erasure[]): void {
  const db = openToErase(path);
  try {
    const eraser = new Eraser(db);
    const transaction = transactionOf(db);
    transaction.begin();
    for (const erasure of erasures) {
      eraser.erase(erasure, []);
      eraser.deleteState(erasure);
    }
    transaction.commit();
    checkpointCleanly({ db, path, file });
  } finally {
    db.close();
  }
}

function prepareErasure(db: Database) {
  const n = '((SELECT no FROM conversation WHERE id = ?) << 32) | ?';
  return {
    tail: db.prepare<unknown, [string, number]>('UPDATE tail SET content = ?, refs = NULL WHERE p = ?'),
    entry: db.prepare<unknown, [string, string, number]>(`UPDATE entry SET content = ?, refs = NULL WHERE n = (${n})`),
    // It may be one with a target itself.
    self: db.prepare<unknown, [string, string, number]>(`UPDATE change SET content = ? WHERE n = (${n})`),
    change: db.prepare<unknown, [string, string, number, string, number]>(
      `UPDATE change SET content = ? WHERE target = (${n}) AND n < (${n})`,
    ),
    mention: db.prepare<unknown, [string, number]>(`DELETE FROM mention WHERE n = (${n})`),
    state: db.prepare<unknown, [string, number, number]>(
      `DELETE FROM message_state WHERE n = (${n}) AND as_of_seq < ?`,
    ),
  };
}
