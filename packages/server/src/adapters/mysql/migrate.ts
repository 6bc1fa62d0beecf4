// Migrates the tables of a database in numbered, forward-only steps. Processes that start at the same time take turns.

import { StoreFailure } from '@hongyan/base/result';
import type { MysqlPool } from './pool.ts';
import type { Session, Statements } from './session.ts';

export interface MysqlLayout {
  /** The name in errors and of the lock: "timeline". Letters only. */
  readonly name: string;
  /**
   * The statements or functions of each step. Step n migrates a database from version n to n + 1. The server commits each statement by
   * itself, so that an interrupted step runs again from its start. So all of them MUST be idempotent (`create table if not exists`).
   */
  readonly migrations: readonly (readonly (string | ((db: Statements) => Promise<void>))[])[];
}

/** The maximum wait for another process that migrates. */
const lockWaitS = 60;
/** The deadline of a statement: altering a table with many rows takes long. */
const layoutTimeoutMs = 300_000;

export async function migrateDatabase(pool: MysqlPool, layout: MysqlLayout): Promise<void> {
  await withNamedLock(pool, { name: `${layout.name}_layout`, waitS: lockWaitS }, async (session) => {
    await session.run(
      'create table if not exists layout (what varchar(32) character set ascii collate ascii_bin primary key, version int not null)',
    );
    let version = await versionOf(session, layout);
    while (version < layout.migrations.length) {
      for (const part of layout.migrations[version] ?? [])
        await (typeof part === 'string' ? session.run(part) : part(session));
      version++;
      await session.run('insert into layout (what, version) values (?, ?) on duplicate key update version = ?', [
        layout.name,
        version,
        version,
      ]);
    }
  });
}

async function versionOf(session: Session, { name, migrations }: MysqlLayout): Promise<number> {
  const [row] = await session.rows<{ version: number }>('select version from layout where what = ?', [name]);
  const version = row?.version ?? 0;
  if (version > migrations.length)
    throw new Error(`the ${name} database was written by a later version of this program: run that version`);
  return version;
}

/** Runs `work` while it holds a lock that is exclusive among all processes of the database. `work` uses the session that holds the lock. */
export function withNamedLock<T>(
  pool: MysqlPool,
  { name, waitS }: { readonly name: string; readonly waitS: number },
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const locked = async (session: Session): Promise<T> => {
    // Lock names are global to the server and have at most 64 characters.
    const lock = "concat('hongyan.', sha1(concat(database(), ?)))";
    const [row] = await session.rows<{ got: number | null }>(`select get_lock(${lock}, ?) got`, [`.${name}`, waitS]);
    if (row?.got !== 1)
      throw new StoreFailure('unavailable', `another process holds ${name} of the database for more than ${waitS} s`);
    try {
      return await work(session);
    } finally {
      // The end of the session releases the lock too.
      if (!session.isLost) await session.rows(`select release_lock(${lock})`, [`.${name}`]);
    }
  };
  return pool.use(locked, { queryTimeoutMs: layoutTimeoutMs });
}
