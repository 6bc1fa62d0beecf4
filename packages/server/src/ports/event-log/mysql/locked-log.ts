// The event log while a transaction holds its lock. No other process appends before this transaction has committed. So a reader at a
// position has seen all events up to it.

import { assert } from '@hongyan/base/assert';
import { insertRows } from '../../../adapters/mysql/insert.ts';
import type { Statements } from '../../../adapters/mysql/session.ts';
import type { NewEvent, Position } from '../event-log.ts';

/** The approximate size of a row without its texts. */
const rowBytes = 40;

interface LogRow {
  readonly last_position: number;
  readonly removed_through: number;
  readonly bytes: number;
  readonly feed_position: Position | null;
}

export class LockedLog {
  readonly statements: Statements;
  readonly statementBytesMax: number;
  #events: NewEvent[] = [];
  #end: number;
  #removedThrough: number;
  #bytes: number;
  #feedPosition: Position | undefined;

  /** Waits for the holder of the lock. */
  static async lock(statements: Statements, statementBytesMax: number): Promise<LockedLog> {
    const [row] = await statements.rows<LogRow>(
      'select last_position, removed_through, bytes, feed_position from log where no = 1 for update',
    );
    assert(row, 'an event log has its row since it was first opened');
    return new LockedLog(statements, statementBytesMax, row);
  }

  private constructor(statements: Statements, statementBytesMax: number, row: LogRow) {
    this.statements = statements;
    this.statementBytesMax = statementBytesMax;
    this.#end = row.last_position;
    this.#removedThrough = row.removed_through;
    this.#bytes = row.bytes;
    this.#feedPosition = row.feed_position ?? undefined;
  }

  /** The position of the newest event, including added ones. */
  get end(): number {
    return this.#end + this.#events.length;
  }

  /** The approximate size of all events. */
  get bytes(): number {
    return this.#bytes;
  }

  get feedPosition(): Position | undefined {
    return this.#feedPosition;
  }

  set feedPosition(position: Position | undefined) {
    this.#feedPosition = position;
  }

  add(event: NewEvent): void {
    this.#events.push(event);
    this.#bytes += sizeOf(event);
  }

  /** Call it when events with a total of `bytes` were removed. */
  removed({ through, bytes }: { readonly through: number; readonly bytes: number }): void {
    this.#removedThrough = through;
    this.#bytes -= bytes;
  }

  /** Writes the added events to the table. */
  async flush(): Promise<void> {
    const rows = this.#events.map((event, index) => rowOf(event, this.#end + index + 1));
    const insert = { into: 'event (position, id, type, at_ms, lane, seq, data, size)', rows };
    await insertRows(this.statements, insert, this.statementBytesMax);
    this.#end = this.end;
    this.#events = [];
  }

  /** MUST be the last step of the transaction. */
  async save(): Promise<void> {
    await this.flush();
    await this.statements.run(
      'update log set last_position = ?, removed_through = ?, bytes = ?, feed_position = ? where no = 1',
      [this.#end, this.#removedThrough, this.#bytes, this.#feedPosition ?? null],
    );
  }
}

export const sizeOf = ({ id, lane, dataJson }: Pick<NewEvent, 'id' | 'lane' | 'dataJson'>): number =>
  id.length + lane.length + dataJson.length + rowBytes;

const rowOf = (event: NewEvent, position: number) =>
  [
    ...[position, event.id, event.type, event.atMs, event.lane, event.seq ?? null],
    ...[event.dataJson, sizeOf(event)],
  ] as const;
