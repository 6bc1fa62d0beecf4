// A database's tables as numbered steps that only go forward. Processes that start at once take turns.

import { StoreFailure } from '@hongyan/base/result';
import type { MysqlPool } from './pool.ts';
import type { Session, Statements } from './session.ts';

export interface MysqlLayout {
  /** Named in errors: "timeline". Letters alone. */
  readonly what: string;
  /**
   * Statements, or work, of each step; step n brings a database of version n to n + 1. The server commits each of them by itself, so that a
   * step which was interrupted begins anew: each of them MUST change nothing the second time (`create table if not exists`).
   */
  readonly migrations: readonly (readonly (string | ((db: Statements) => Promise<void>))[])[];
}

/** Another process may be at it. */
const lockWaitS = 60;
/** Of one statement: a table with rows takes a while to change. */
const layoutTimeoutMs = 300_000;

export async function migrateDatabase(pool: MysqlPool, layout: MysqlLayout): Promise<void> {
  await withNamedLock(pool, { name: `${layout.what}_layout`, waitS: lockWaitS }, async (session) => {
    await session.run(
      'create table if not exists layout (what varchar(32) character set ascii collate ascii_bin primary key, version int not null)',
    );
    let version = await versionOf(session, layout);
    while (version < layout.migrations.length) {
      for (const part of layout.migrations[version] ?? [])
        await (typeof part === 'string' ? session.run(part) : part(session));
      version++;
      await session.run('insert into layout (what, version) values (?, ?) on duplicate key update version = ?', [
        layout.what,
        version,
        version,
      ]);
    }
  });
}

async function versionOf(session: Session, { what, migrations }: MysqlLayout): Promise<number> {
  const [row] = await session.rows<{ version: number }>('select version from layout where what = ?', [what]);
  const version = row?.version ?? 0;
  if (version > migrations.length)
    throw new Error(`the ${what} database was written by a later version of this program: run that version`);
  return version;
}

/** One holder of a name at a time among all processes of the database. `work` uses the session that holds it. */
export function withNamedLock<T>(
  pool: MysqlPool,
  { name, waitS }: { readonly name: string; readonly waitS: number },
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const locked = async (session: Session): Promise<T> => {
    // Names are of the whole server, and 64 characters at most.
    const lock = "concat('hongyan.', sha1(concat(database(), ?)))";
    const [row] = await session.rows<{ got: number | null }>(`select get_lock(${lock}, ?) got`, [`.${name}`, waitS]);
    if (row?.got !== 1)
      throw new StoreFailure('unavailable', `another process holds ${name} of the database for more than ${waitS} s`);
    try {
      return await work(session);
    } finally {
      // The end of its session frees it too.
      if (!session.isLost) await session.rows(`select release_lock(${lock})`, [`.${name}`]);
    }
  };
  return pool.use(locked, { queryTimeoutMs: layoutTimeoutMs });
}
