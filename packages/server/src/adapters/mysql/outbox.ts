// The outbox of a service, as a table in its database.

import type { Outbox, OutboxEvent } from '../../ports/outbox/outbox.ts';
import type { MysqlPool } from './pool.ts';
import type { Statements } from './session.ts';

/** A statement for the migrations of a service. */
export const outboxTable = `create table if not exists outbox (
    no bigint unsigned not null auto_increment primary key, kind varchar(64) not null, payload mediumtext not null
  ) default charset=utf8mb4 collate=utf8mb4_bin`;

/** MUST be called in the transaction of the change that the events report. */
export async function noteEvents(statements: Statements, events: readonly Omit<OutboxEvent, 'no'>[]): Promise<void> {
  if (events.length === 0) return;
  await statements.run('insert into outbox(kind, payload) values ?', [
    events.map(({ kind, payload }) => [kind, payload]),
  ]);
}

export class MysqlOutbox implements Outbox {
  readonly #pool: MysqlPool;

  constructor(pool: MysqlPool) {
    this.#pool = pool;
  }

  /** A transaction that commits later may have smaller numbers. So delivered events are deleted by number, never as a range. */
  pending(limit: number): Promise<readonly OutboxEvent[]> {
    return this.#pool.read<OutboxEvent>('select no, kind, payload from outbox order by no limit ?', [limit]);
  }

  async delivered(nos: readonly number[]): Promise<void> {
    if (nos.length > 0) await this.#pool.write('delete from outbox where no in (?)', [[...nos]]);
  }
}
