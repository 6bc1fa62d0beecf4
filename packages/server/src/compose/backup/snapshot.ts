// All stores of a data folder as of one moment, while a server writes to them: what a kill -9 in that moment would have left.
//
// For an instant this process has the write lock of every store, so nothing is committed anywhere; in it a reader is opened on each
// and the logs are copied. A reader keeps what it sees in the file and the log from being overwritten, so the files can be copied
// afterwards, slowly, while the server goes on: a page that a checkpoint writes meanwhile is in the copied log too.

import { existsSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { openReader, openWriter } from '../../adapters/sqlite/open.ts';

export interface Snapshot {
  /** Relative to the data folder. */
  readonly files: readonly string[];
  /** Lets the server's checkpoints go on. */
  release(): void;
}

interface Held {
  readonly path: string;
  readonly writer: ReturnType<typeof openWriter>;
  reader: ReturnType<typeof openReader> | undefined;
}

/** Copies the logs of all `paths` below `data` to the same places below `target`. Rejects when a store stays locked for 5 s. */
export async function freeze({ data, paths, target }: Places): Promise<Snapshot> {
  const held: Held[] = [];
  try {
    for (const path of paths) {
      const writer = openWriter(path, { cacheBytes: 64 * 1024 });
      held.push({ path, writer, reader: undefined });
      writer.run('BEGIN IMMEDIATE');
    }
    for (const one of held) {
      one.reader = openReader(one.path, { cacheBytes: 64 * 1024 });
      one.reader.run('BEGIN');
      one.reader.query('SELECT count(*) FROM sqlite_schema').get();
      await copyLog(one.path, join(target, relative(data, one.path)));
    }
  } catch (error) {
    for (const { reader } of held) reader?.close();
    throw error;
  } finally {
    for (const { writer } of held) {
      if (writer.inTransaction) writer.run('ROLLBACK');
      writer.close();
    }
  }
  return {
    files: paths.map((path) => relative(data, path)),
    release() {
      for (const { reader } of held) {
        reader?.run('ROLLBACK');
        reader?.close();
      }
    },
  };
}

interface Places {
  readonly data: string;
  readonly paths: readonly string[];
  readonly target: string;
}

async function copyLog(path: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  if (existsSync(`${path}-wal`)) await copyFile(`${path}-wal`, `${target}-wal`);
}
