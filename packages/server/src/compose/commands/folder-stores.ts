// The stores of a data folder, for commands that run beside its server or while it is stopped.

import { existsSync } from 'node:fs';
import type { Log } from '@hongyan/base/log';
import { dataLayout } from '../../config/data-layout.ts';
import { assertNotMoved } from '../../config/moved.ts';
import type { Config } from '../../config/options.ts';
import { assertReadable, ensureFolder } from '../../files/folder-access.ts';
import type { Access } from '../../ports/access/access.ts';
import { openSqliteAccess } from '../../ports/access/sqlite-access.ts';
import type { DeviceReader } from '../../ports/devices/devices.ts';
import { openSqliteDeviceReader } from '../../ports/devices/sqlite-devices.ts';
import type { Directory, DirectoryReader } from '../../ports/directory/directory.ts';
import { openSqliteDirectory, openSqliteDirectoryReader } from '../../ports/directory/sqlite-directory.ts';
import type { OperatorReads } from '../../ports/timeline/operator-reads.ts';
import { openSqliteTimelineReader } from '../../ports/timeline/sqlite-timeline-reader.ts';

/** Bound of queued writes: commands write little. */
const writesMax = 100;

/**
 * For writes too; created when there is none. Beside a running server it is a second writer: SQLite lets one write while the
 * other waits, and the server's next read sees what was committed.
 */
export async function openDirectory({ data }: Pick<Config, 'data'>, log: Log): Promise<Directory> {
  await ensureFolder(data);
  await assertNotMoved(data);
  return openSqliteDirectory({ path: dataLayout(data).directory, log, queueMax: writesMax, batchMax: writesMax });
}

/** Like openDirectory. A running server reads each key from the store, so commands may create and revoke keys beside it. */
export async function openAccess(
  { data, revocationsMax }: Pick<Config, 'data' | 'revocationsMax'>,
  log: Log,
): Promise<Access> {
  await ensureFolder(data);
  await assertNotMoved(data);
  return openSqliteAccess({
    path: dataLayout(data).access,
    log,
    revocationsMax,
    queueMax: writesMax,
    batchMax: writesMax,
  });
}

export interface Readers {
  readonly directory: DirectoryReader;
  readonly devices: DeviceReader;
  readonly timeline: OperatorReads;
}

/** Opens the directory read-only until `work` settles. Rejects if the folder has none. */
export async function withDirectoryReader<T>(
  { data }: Pick<Config, 'data'>,
  work: (directory: DirectoryReader) => Promise<T>,
): Promise<T> {
  const layout = dataLayout(data);
  if (existsSync(data)) await assertReadable(data);
  if (!existsSync(layout.directory))
    throw new Error(`the folder ${data} has no users; give the server's data folder with --data`);
  const directory = openSqliteDirectoryReader(layout.directory);
  try {
    return await work(directory);
  } finally {
    await directory.close();
  }
}

/** Opens the devices read-only until `work` settles. Rejects if the folder has none. */
export async function withDeviceReader<T>(
  { data }: Pick<Config, 'data'>,
  work: (devices: DeviceReader) => Promise<T>,
): Promise<T> {
  const layout = dataLayout(data);
  if (existsSync(data)) await assertReadable(data);
  if (!existsSync(layout.devices))
    throw new Error(`the folder ${data} has no devices; give the server's data folder with --data`);
  const devices = openSqliteDeviceReader(layout.devices);
  try {
    return await work(devices);
  } finally {
    await devices.close();
  }
}

/** Opens all these stores read-only until `work` settles. Rejects if no server has run on the folder. */
export async function withReaders<T>(
  { data }: Pick<Config, 'data'>,
  work: (readers: Readers) => Promise<T>,
): Promise<T> {
  const layout = dataLayout(data);
  if (existsSync(data)) await assertReadable(data);
  if (![layout.directory, layout.devices, layout.timeline].every((path) => existsSync(path)))
    throw new Error(`no server has run on the folder ${data}; give the server's data folder with --data`);
  const directory = openSqliteDirectoryReader(layout.directory);
  const devices = openSqliteDeviceReader(layout.devices);
  const timeline = openSqliteTimelineReader(layout.timeline);
  try {
    return await work({ directory, devices, timeline });
  } finally {
    timeline.close();
    await devices.close();
    await directory.close();
  }
}
