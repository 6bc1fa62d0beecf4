// Migrates the tables of a store in numbered, forward-only steps, and checks by which program and version a file was written.

import type { Database } from 'bun:sqlite';
import { basename } from 'node:path';

export interface StoreLayout {
  /** SQLite's application_id of the store's files. */
  readonly applicationId: number;
  /** The name in errors: "task queue". */
  readonly name: string;
  /** The SQL of each step. Step n migrates a file from user_version n to n + 1. */
  readonly migrations: readonly string[];
}

/** Migrates an empty file, or one of an earlier version, to this version. Throws for a file that this program cannot read. */
export function migrateStore(db: Database, layout: StoreLayout): void {
  const isNew = pragma(db, 'schema_version') === 0;
  if (!isNew) assertStoreLayout(db, layout);
  const { migrations, applicationId } = layout;
  for (let next = pragma(db, 'user_version'); next < migrations.length; next++) {
    db.transaction(() => {
      db.run(migrations[next] ?? '');
      db.run(`PRAGMA application_id = ${applicationId}`);
      db.run(`PRAGMA user_version = ${next + 1}`);
    })();
  }
}

/** Throws an error that says what to do when the file has another layout. */
export function assertStoreLayout(db: Database, { applicationId, name, migrations }: StoreLayout): void {
  const file = basename(db.filename);
  if (pragma(db, 'application_id') !== applicationId)
    throw new Error(`${file} is no ${name} of this program: put back the file that was there, or move this one away`);
  if (pragma(db, 'user_version') > migrations.length)
    throw new Error(`${file} was written by a later version of this program: run that version`);
}

function pragma(db: Database, name: string): number {
  const row = db.query<Record<string, number>, []>(`PRAGMA ${name}`).get();
  return row?.[name] ?? 0;
}
