// Inserts many rows in few statements, `insert … values (…), (…)`, each no longer than the server accepts.

import { escape as escapeValue } from 'mysql2';
import { packetOwnBytes, sentBytesWanted } from './options.ts';
import type { SqlValue, Statements } from './session.ts';

export interface Insert {
  /** "conversation (no, id)" */
  readonly into: string;
  readonly rows: readonly (readonly SqlValue[])[];
  /** "on duplicate key update …" */
  readonly onDuplicate?: string;
}

/** `statementBytesMax` is that of the pool. All statements are issued at once, so that no other statement comes between them. */
export async function insertRows(statements: Statements, insert: Insert, statementBytesMax: number): Promise<void> {
  const bytesMax = statementBytesMax - packetOwnBytes;
  const inserts = [...insertStatements(insert, Math.min(sentBytesWanted, bytesMax))];
  for (const sql of inserts) {
    // The server would close the connection without an error message.
    if (sql.length > bytesMax / 3 && Buffer.byteLength(sql) > bytesMax)
      throw new Error(
        `a row for ${insert.into} takes ${Buffer.byteLength(sql)} bytes, more than the database server accepts: raise its max_allowed_packet`,
      );
  }
  await Promise.all(inserts.map((sql) => statements.run(sql)));
}

/** A row that is longer than `bytesMax` becomes a statement by itself, which the server accepts or rejects. */
export function* insertStatements({ into, rows, onDuplicate = '' }: Insert, bytesMax: number): Generator<string> {
  const begin = `insert into ${into} values `;
  const end = onDuplicate === '' ? '' : ` ${onDuplicate}`;
  const ownBytes = Buffer.byteLength(begin) + Buffer.byteLength(end);
  let tuples: string[] = [];
  let bytes = ownBytes;
  for (const row of rows) {
    const tuple = `(${row.map((value) => escapeValue(value)).join(',')})`;
    const tupleBytes = Buffer.byteLength(tuple) + 1;
    if (tuples.length > 0 && bytes + tupleBytes > bytesMax) {
      yield begin + tuples.join(',') + end;
      tuples = [];
      bytes = ownBytes;
    }
    tuples.push(tuple);
    bytes += tupleBytes;
  }
  if (tuples.length > 0) yield begin + tuples.join(',') + end;
}
