// Overwrites the content of an erased entry, and of every entry that changed it, everywhere in the file of a month [E5].

import type { Database } from 'bun:sqlite';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import { transactionOf } from '../../../adapters/sqlite/open.ts';
import { checkpointCleanly, type SweepTarget } from '../../../adapters/sqlite/sweep.ts';
import { assertLayout, openMonthWriter } from './month-schema.ts';

export interface Erasure {
  readonly conversationId: ConversationId;
  readonly seq: Seq;
  /** The entry that erases it. Its content and later entries stay. */
  readonly bySeq: Seq;
  /** The JSON that replaces each content. */
  readonly contentJson: string;
}

/** An erasure that the current month records until no byte of the files has the old contents. */
export interface PendingErasure extends Erasure {
  readonly no: number;
}

/**
 * Erases in the current month, in the caller's transaction. A row may be in the tail, in its sorted table, or in both during a drain. All
 * are overwritten.
 */
export class Eraser {
  readonly #sql: ReturnType<typeof prepareErasure>;

  constructor(db: Database) {
    this.#sql = prepareErasure(db);
  }

  /** `tailPs`: the rows of the tail with contents of the message. */
  erase({ conversationId, seq, bySeq, contentJson }: Erasure, tailPs: readonly number[]): void {
    for (const p of tailPs) this.#sql.tail.run(contentJson, p);
    this.#sql.entry.run(contentJson, conversationId, seq);
    this.#sql.self.run(contentJson, conversationId, seq);
    this.#sql.change.run(contentJson, conversationId, seq, conversationId, bySeq);
    this.#sql.mention.run(conversationId, seq);
  }

  /** For a month before that of the erasure: deletes the older state, but not the one that the erasure has set. */
  deleteState({ conversationId, seq, bySeq }: Erasure): void {
    this.#sql.state.run(conversationId, seq, bySeq);
  }
}

/** Opens a month without further entries. Its checkpoints are left to sweep.ts. */
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

/** Erases in a month without further entries. Durable when it returns. The file must be swept afterwards. */
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
    // The erased entry may have a target itself.
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
