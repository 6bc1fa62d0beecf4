// The data folder that is moved, read beside the server that writes it. Nothing in it is changed.

import type { Database } from 'bun:sqlite';
import { existsSync } from 'node:fs';
import type { ArrivingTable, CopiedRow } from '../../adapters/mysql/table-copy.ts';
import { openReader } from '../../adapters/sqlite/open.ts';
import { rowsOf } from '../../adapters/sqlite/rows.ts';
import { type DataLayout, dataLayout } from '../../config/data-layout.ts';
import { assertReadable } from '../../config/folder-access.ts';
import type { NewTask } from '../../ports/task-queue/task-queue.ts';
import { headsPath } from '../../ports/timeline/sqlite/month-file.ts';
import { SqliteTimelineDeparture } from '../../ports/timeline/sqlite-timeline-departure.ts';

/** Stores that are rows of tables, each a file and a database. */
export type TableStore = 'directory' | 'access' | 'devices';
export const tableStores: readonly TableStore[] = ['directory', 'access', 'devices'];

export class MoveSource {
  readonly timeline: SqliteTimelineDeparture;
  readonly #layout: DataLayout;
  readonly #databases = new Map<TableStore, Database>();

  /** Rejects when no server of this version has run on the folder. */
  static async open(data: string): Promise<MoveSource> {
    const layout = dataLayout(data);
    if (existsSync(data)) await assertReadable(data);
    if (
      ![layout.directory, layout.access, layout.devices, headsPath(layout.timeline)].every((path) => existsSync(path))
    )
      throw new Error(`no server has run on the folder ${data}; name the server's data folder by --data`);
    return new MoveSource(layout);
  }

  private constructor(layout: DataLayout) {
    this.#layout = layout;
    this.timeline = new SqliteTimelineDeparture(layout.timeline);
    for (const store of tableStores) this.#databases.set(store, openReader(layout[store]));
  }

  /** As of the moment of the first row. */
  *rows(store: TableStore, { select, rowOf = (row) => row }: ArrivingTable): Generator<CopiedRow> {
    for (const row of rowsOf(this.#database(store), select)) yield rowOf(row);
  }

  /** Changes with every commit of another connection to the store. */
  version(store: TableStore): number {
    return this.#database(store).query<{ data_version: number }, []>('PRAGMA data_version').get()?.data_version ?? 0;
  }

  /** What was accepted and is not done yet. Read while no server runs. */
  tasks(): readonly NewTask[] {
    if (!existsSync(this.#layout.tasks)) return [];
    const db = openReader(this.#layout.tasks);
    try {
      return db
        .query<{ kind: string; key: string | null; payload: string }, []>(
          'SELECT t.kind, t.key, p.text AS payload FROM task t JOIN payload p ON p.no = t.no ORDER BY t.no',
        )
        .all()
        .map(({ kind, key, payload }) => ({ kind, payload, ...(key === null ? {} : { key }) }));
    } finally {
      db.close();
    }
  }

  /** Of what is not moved. */
  leftBehind(): { readonly deadLetters: number; readonly webhooks: number } {
    return {
      deadLetters: count(this.#layout.tasks, 'dead_letter'),
      webhooks: count(this.#layout.events, 'endpoint'),
    };
  }

  close(): void {
    this.timeline.close();
    for (const db of this.#databases.values()) db.close();
  }

  #database(store: TableStore): Database {
    const db = this.#databases.get(store);
    if (db === undefined) throw new Error(`the store ${store} is not open`);
    return db;
  }
}

function count(path: string, table: string): number {
  if (!existsSync(path)) return 0;
  const db = openReader(path);
  try {
    return db.query<{ n: number }, []>(`SELECT count(*) AS n FROM ${table}`).get()?.n ?? 0;
  } finally {
    db.close();
  }
}
