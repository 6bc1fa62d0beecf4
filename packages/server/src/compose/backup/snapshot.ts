// All stores of a data folder as of one moment, while a server writes to them: what a kill -9 in that moment would have left.
//
// For an instant this process has the write lock of every store, so nothing is committed anywhere; in it a reader begins on each
// and the logs are copied. A reader keeps what it sees in the file and the log from being overwritten, so the files can be copied
// afterwards, slowly, while the server goes on: a page that a checkpoint writes meanwhile is in the copied log too. They are open
// from the beginning, so that a month which retention removes meanwhile can still be copied.

import { existsSync } from 'node:fs';
import { copyFile, type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { openReader, openWriter } from '../../adapters/sqlite/open.ts';
import { Closing } from '../closing.ts';

export interface Snapshot {
  readonly files: readonly SnapshotFile[];
  /** Lets the server's checkpoints go on. */
  release(): Promise<void>;
}

export interface SnapshotFile {
  /** Relative to the data folder. */
  readonly path: string;
  /** To be read, and closed by `release` alone: closing any descriptor of a file gives back all POSIX locks on it. */
  readonly source: FileHandle;
}

interface Held {
  readonly path: string;
  readonly source: FileHandle;
  readonly writer: ReturnType<typeof openWriter>;
  readonly reader: ReturnType<typeof openReader>;
}

/** Copies the logs of all `stores` below `data` to the same places below `target`. Rejects when a store stays locked for 5 s. */
export async function freeze({ data, stores, target }: Places): Promise<Snapshot> {
  const held: Held[] = [];
  try {
    for (let paths = stores(); paths.length > 0; paths = madeMeanwhile(stores, held))
      for (const path of paths) {
        const one = await openStore(path);
        if (one === undefined) continue;
        held.push(one);
        one.writer.run('BEGIN IMMEDIATE');
      }
    for (const { path, reader } of held) {
      reader.run('BEGIN');
      reader.query('SELECT count(*) FROM sqlite_schema').get();
      await copyLog(path, join(target, relative(data, path)));
    }
  } catch (error) {
    await release(held);
    throw error;
  } finally {
    for (const { writer } of held) {
      if (writer.inTransaction) writer.run('ROLLBACK');
      writer.close();
    }
  }
  return {
    files: held.map(({ path, source }) => ({ path: relative(data, path), source })),
    release: () => release(held),
  };
}

/** Undefined for a month that retention has removed since it was listed: it MUST NOT be made again. */
async function openStore(path: string): Promise<Held | undefined> {
  const opened = new Closing();
  try {
    const source = await open(path, 'r');
    opened.push(() => source.close());
    const writer = openWriter(path, { cacheBytes: 64 * 1024, create: false });
    opened.push(() => writer.close());
    return { path, source, writer, reader: openReader(path, { cacheBytes: 64 * 1024 }) };
  } catch (error) {
    await opened.run();
    if (existsSync(path)) throw error;
    return undefined;
  }
}

async function release(held: readonly Held[]): Promise<void> {
  for (const { reader, source } of held) {
    if (reader.inTransaction) reader.run('ROLLBACK');
    reader.close();
    await source.close();
  }
}

/** A month may have begun, or a store been made, before all the others were locked. */
const madeMeanwhile = (stores: Places['stores'], held: readonly Held[]): readonly string[] =>
  stores().filter((path) => held.every((one) => one.path !== path));

interface Places {
  readonly data: string;
  /** Those that are there now. */
  readonly stores: () => readonly string[];
  readonly target: string;
}

async function copyLog(path: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  if (existsSync(`${path}-wal`)) await copyFile(`${path}-wal`, `${target}-wal`);
}
