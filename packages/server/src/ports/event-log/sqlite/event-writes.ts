// Appends and removes events.

import type { Database } from 'bun:sqlite';
import type { EventLog, NewEvent, Position } from '../event-log.ts';

/** The maximum number of events that one transaction removes, which takes a few milliseconds. */
const removedAtOnce = 5_000;
/** The approximate size of a row without its texts. */
const rowBytes = 40;

export class EventWrites {
  readonly #insert;
  readonly #meta;
  readonly #putMeta;
  readonly #removeFeedPosition;
  readonly #end;
  readonly #oldest;
  readonly #remove;
  /** The approximate size of all events. Stored in the file, because counting would read all events. */
  #bytes = 0;
  #savedBytes = 0;

  constructor(db: Database) {
    this.#insert = db.prepare<undefined, [string, string, number, string, number | null, string]>(
      'INSERT INTO event(id, type, at_ms, lane, seq, data) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#meta = db.prepare<{ value: string }, [string]>('SELECT value FROM meta WHERE name = ?');
    this.#putMeta = db.prepare<undefined, [string, string]>('INSERT OR REPLACE INTO meta(name, value) VALUES (?, ?)');
    this.#removeFeedPosition = db.prepare<undefined, []>(
      "DELETE FROM meta WHERE name = 'feed_position' AND NOT EXISTS (SELECT 1 FROM endpoint)",
    );
    this.#end = db.prepare<{ seq: number }, []>("SELECT seq FROM sqlite_sequence WHERE name = 'event'");
    this.#oldest = db.prepare<{ position: number; at_ms: number; size: number }, [number]>(
      'SELECT position, at_ms, length(id) + length(lane) + length(data) AS size FROM event ORDER BY position LIMIT ?',
    );
    this.#remove = db.prepare<undefined, [number]>('DELETE FROM event WHERE position <= ?');
    this.restoreBytes();
  }

  append({ events, feedPosition }: Parameters<EventLog['append']>[0]): void {
    for (const event of events) this.add(event);
    if (feedPosition !== undefined) this.#putMeta.run('feed_position', feedPosition);
  }

  add({ id, type, atMs, lane, seq, dataJson }: NewEvent): void {
    this.#insert.run(id, type, atMs, lane, seq ?? null, dataJson);
    this.#bytes += id.length + lane.length + dataJson.length + rowBytes;
  }

  beginRecording(feedPosition: Position): void {
    if (this.#meta.get('feed_position') === null) this.#putMeta.run('feed_position', feedPosition);
  }

  endRecording(): void {
    this.#removeFeedPosition.run();
  }

  /** 0 before the first event. */
  end(): number {
    return this.#end.get()?.seq ?? 0;
  }

  /** Removes by age the prefix before the first younger event, and by size the oldest events. */
  retain({ beforeMs, bytesMax }: Parameters<EventLog['retain']>[0]): boolean {
    let excess = this.#bytes - bytesMax;
    let through: number | undefined;
    let count = 0;
    for (const { position, at_ms, size } of this.#oldest.all(removedAtOnce)) {
      if (at_ms >= beforeMs && excess <= 0) break;
      through = position;
      excess -= size + rowBytes;
      count++;
    }
    if (through === undefined) return false;
    this.#remove.run(through);
    this.#bytes = bytesMax + excess;
    this.#putMeta.run('removed_through', String(through));
    return count === removedAtOnce;
  }

  /** MUST be called in the transaction before it commits. */
  saveBytes(): void {
    if (this.#bytes === this.#savedBytes) return;
    this.#putMeta.run('event_bytes', String(this.#bytes));
    this.#savedBytes = this.#bytes;
  }

  /** Restores the size as of the last commit. */
  restoreBytes(): void {
    this.#bytes = Number(this.#meta.get('event_bytes')?.value ?? 0);
    this.#savedBytes = this.#bytes;
  }
}
