// The log while one transaction may append to it. No other process appends before this one has committed: a reader that has come to a
// position has seen all events up to it.

import { assert } from '@hongyan/base/assert';
import { insertRows } from '../../../adapters/mysql/insert.ts';
import type { Statements } from '../../../adapters/mysql/session.ts';
import type { NewEvent, Position } from '../event-log.ts';

/** Of a row, beside its texts. */
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

  /** Waits for who holds it. */
  static async lock(statements: Statements, statementBytesMax: number): Promise<LockedLog> {
    const [row] = await statements.rows<LogRow>(
      'select last_position, removed_through, bytes, feed_position from log where no = 1 for update',
    );
    assert(row, 'an event log has its row from the first opening on');
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

  /** Of the newest event, also of one that is only added. */
  get end(): number {
    return this.#end + this.#events.length;
  }

  /** Of all events, about. */
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

  /** The events that take `bytes` are gone. */
  removed({ through, bytes }: { readonly through: number; readonly bytes: number }): void {
    this.#removedThrough = through;
    this.#bytes -= bytes;
  }

  /** What was added is in the table then. */
  async flush(): Promise<void> {
    const rows = this.#events.map((event, index) => rowOf(event, this.#end + index + 1));
    const insert = { into: 'event (position, id, type, at_ms, lane, seq, data, size)', rows };
    await insertRows(this.statements, insert, this.statementBytesMax);
    this.#end = this.end;
    this.#events = [];
  }

  /** The last step of the transaction. */
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
