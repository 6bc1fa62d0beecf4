// The data folder that is moved, read beside the server that writes it. Nothing in it is changed.

import type { Database } from 'bun:sqlite';
import { existsSync } from 'node:fs';
import type { CopiedRow, CopiedValue, ImportedTable } from '../../adapters/mysql/table-copy.ts';
import { openReader } from '../../adapters/sqlite/open.ts';
import { rowsOf } from '../../adapters/sqlite/rows.ts';
import { type DataLayout, dataLayout } from '../../config/data-layout.ts';
import { assertReadable } from '../../files/folder-access.ts';
import type { SentAdvance } from '../../ports/directory/receipts.ts';
import type { Position } from '../../ports/event-log/event-log.ts';
import { type DeadLetterRow, deadLetterColumns } from '../../ports/task-queue/sqlite/dead-letter-rows.ts';
import { idOf } from '../../ports/task-queue/sqlite/task-number.ts';
import type { MovedLetter, NewTask } from '../../ports/task-queue/task-queue.ts';
import { parsePosition } from '../../ports/timeline/position.ts';
import { headsPath } from '../../ports/timeline/sqlite/month-files.ts';
import { SqliteTimelineExport } from '../../ports/timeline/sqlite-timeline-export.ts';

/** Stores that are rows of tables, each a file and a database. */
export type TableStore = 'directory' | 'access' | 'devices' | 'events';
/** Those that every server has. */
const storesOfEach: readonly TableStore[] = ['directory', 'access', 'devices'];
export const tableStores: readonly TableStore[] = [...storesOfEach, 'events'];

/** Entries of one read. */
const sentAtOnce = 1_000;

export interface SourceCounts {
  readonly webhooks: number;
  readonly events: number;
  readonly tasks: number;
  readonly deadLetters: number;
}

export class MoveSource {
  readonly timeline: SqliteTimelineExport;
  readonly #layout: DataLayout;
  readonly #databases = new Map<TableStore, Database>();

  /** Rejects when no server of this version has run on the folder. */
  static async open(data: string): Promise<MoveSource> {
    const layout = dataLayout(data);
    if (existsSync(data)) await assertReadable(data);
    const source = existsSync(headsPath(layout.timeline)) ? new MoveSource(layout) : undefined;
    if (source !== undefined && storesOfEach.every((store) => source.#database(store) !== undefined)) return source;
    source?.close();
    throw new Error(`no server has run on the folder ${data}; give the server's data folder with --data`);
  }

  private constructor(layout: DataLayout) {
    this.#layout = layout;
    this.timeline = new SqliteTimelineExport(layout.timeline);
  }

  /** As of the moment of the first row. Of a log: those after a group. */
  *rows(
    store: TableStore,
    { select, isLog = false, rowOf = (row) => row }: ImportedTable,
    after?: CopiedValue,
  ): Generator<CopiedRow> {
    const db = this.#database(store);
    if (db === undefined) return;
    for (const row of rowsOf(db, select, ...(isLog ? [after ?? 0] : []))) yield rowOf(row);
  }

  /** Changes with every commit of another connection to the store; undefined while it is not there. */
  version(store: TableStore): number | undefined {
    return this.#database(store)?.query<{ data_version: number }, []>('PRAGMA data_version').get()?.data_version;
  }

  /** Of the feed: up to where events were recorded; undefined while nothing is recorded. */
  recordedThrough(): Position | undefined {
    return this.#database('events')
      ?.query<{ value: Position }, []>("SELECT value FROM meta WHERE name = 'feed_position'")
      .get()?.value;
  }

  /** [E3] The newest messages of writers that the server had not written to its directory when it was ended. Read while none runs. */
  *unwrittenSent(): Generator<readonly SentAdvance[]> {
    const mark = this.#database('directory')
      ?.query<{ position: Position | null }, []>('SELECT position FROM sent_mark')
      .get()?.position;
    // A mark of another store says nothing of this one: its server would begin at the end too.
    let after = mark ? parsePosition(this.timeline.epoch, mark) : undefined;
    while (after !== undefined) {
      const page = this.timeline.page(after, sentAtOnce);
      yield (page?.entries ?? []).flatMap(({ entry: { isCounted, conversationId, from: userId, seq: sentSeq } }) =>
        isCounted ? [{ conversationId, userId, sentSeq }] : [],
      );
      after = page?.through;
    }
  }

  /** What was accepted and is not done yet. Read while no server runs. */
  tasks(): readonly NewTask[] {
    const rows = this.#ofTasks<TaskRow>(
      'SELECT t.kind, t.key, p.text AS payload FROM task t JOIN payload p ON p.no = t.no ORDER BY t.no',
    );
    return [...rows].map(({ kind, key, payload }) => ({ kind, payload, ...keyOf(key) }));
  }

  /** What was given up, the oldest first. */
  *deadLetters(): Generator<MovedLetter> {
    for (const row of this.#ofTasks<DeadLetterRow>(`SELECT ${deadLetterColumns} FROM dead_letter ORDER BY no`))
      yield {
        ...{ taskId: idOf(row.no), kind: row.kind, payload: row.payload, error: row.error },
        ...{ failureCount: row.failures, addedAtMs: row.added_at, diedAtMs: row.died_at, ...keyOf(row.key) },
      };
  }

  counts(): SourceCounts {
    const count = (table: string): string => `SELECT count(*) AS n FROM ${table}`;
    const events = this.#database('events');
    const inEvents = (table: string) => events?.query<{ n: number }, []>(count(table)).get()?.n ?? 0;
    const inTasks = (table: string) => [...this.#ofTasks<{ n: number }>(count(table))][0]?.n ?? 0;
    return {
      ...{ webhooks: inEvents('endpoint'), events: inEvents('event') },
      ...{ tasks: inTasks('task'), deadLetters: inTasks('dead_letter') },
    };
  }

  close(): void {
    this.timeline.close();
    for (const db of this.#databases.values()) db.close();
  }

  /** Undefined for a store that no server needed yet: it may come while the server serves. */
  #database(store: TableStore): Database | undefined {
    const known = this.#databases.get(store);
    if (known !== undefined) return known;
    const db = openWhenMade(this.#layout[store]);
    if (db !== undefined) this.#databases.set(store, db);
    return db;
  }

  *#ofTasks<Row>(select: string): Generator<Row> {
    const db = openWhenMade(this.#layout.tasks);
    const statement = db?.prepare<Row, []>(select);
    try {
      if (statement) yield* statement.iterate();
    } finally {
      statement?.finalize();
      db?.close();
    }
  }
}

/** Undefined while the file, or its tables, are not there. */
function openWhenMade(path: string): Database | undefined {
  if (!existsSync(path)) return undefined;
  const db = openReader(path);
  if (db.query<{ user_version: number }, []>('PRAGMA user_version').get()?.user_version !== 0) return db;
  db.close();
  return undefined;
}

interface TaskRow {
  readonly kind: string;
  readonly key: string | null;
  readonly payload: string;
}

const keyOf = (key: string | null) => (key === null ? {} : { key });
