// The stores of a data folder without a server: for commands that run beside it, or while it is stopped.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '@hongyan/base/log';
import { assertReadable, ensureFolder } from '../config/folder-access.ts';
import type { Config } from '../config/options.ts';
import type { Directory } from '../ports/directory/directory.ts';
import {
  type DirectoryReader,
  openSqliteDirectory,
  openSqliteDirectoryReader,
} from '../ports/directory/sqlite-directory.ts';
import { SqliteTimelineReader } from '../ports/timeline/sqlite-timeline-reader.ts';

export type { DirectoryReader, SqliteTimelineReader };

/** What these commands write at once: far below what a server queues. */
const writesMax = 100;

/**
 * For writes too, made when there is none. Beside a running server it is a second writer: SQLite lets one at a time
 * write and the other wait, and the server's next read sees what was committed.
 */
export async function openDirectory({ data }: Pick<Config, 'data'>, log: Log): Promise<Directory> {
  await ensureFolder(data);
  return openSqliteDirectory({ path: directoryPath(data), log, queueMax: writesMax, batchMax: writesMax });
}

export interface Readers {
  readonly directory: DirectoryReader;
  readonly timeline: SqliteTimelineReader;
}

/** Both stores, read only, until `work` settles. Rejects when no server has run on the folder. */
export async function withReaders<T>(
  { data }: Pick<Config, 'data'>,
  work: (readers: Readers) => Promise<T>,
): Promise<T> {
  const timelineFolder = join(data, 'timeline');
  if (existsSync(data)) await assertReadable(data);
  if (!existsSync(directoryPath(data)) || !existsSync(timelineFolder))
    throw new Error(`no server has run on the folder ${data}; name the server's data folder by --data`);
  const directory = openSqliteDirectoryReader(directoryPath(data));
  try {
    const timeline = new SqliteTimelineReader(timelineFolder);
    try {
      return await work({ directory, timeline });
    } finally {
      timeline.close();
    }
  } finally {
    await directory.close();
  }
}

const directoryPath = (data: string): string => join(data, 'directory.db');
