// The stores of a server as commands use them, whether it runs or not: those of a data folder, or a cluster's.

import { createLog } from '@hongyan/base/log';
import type { UserId } from '@hongyan/protocol/ids';
import type { Access } from '../../ports/access/access.ts';
import type { DeviceReader } from '../../ports/devices/devices.ts';
import type { Directory, DirectoryReader } from '../../ports/directory/directory.ts';
import type { Readers } from './folder-stores.ts';

/** Each method opens what it names, and closes it when `work` has settled. */
export interface CommandStores {
  /** Where they are, for sentences: the path of the folder, or the cluster. */
  readonly place: string;
  /** Created when there is none. */
  withDirectory<T>(work: (directory: Directory) => Promise<T>): Promise<T>;
  /** Created when there is none. */
  withAccess<T>(work: (access: Access) => Promise<T>): Promise<T>;
  /** As withAccess; rejects where there is none. */
  withExistingAccess<T>(work: (access: Access) => Promise<T>): Promise<T>;
  /** Rejects, as the other readers do, where no server has run. */
  withDirectoryReader<T>(work: (directory: DirectoryReader) => Promise<T>): Promise<T>;
  withDeviceReader<T>(work: (devices: DeviceReader) => Promise<T>): Promise<T>;
  withReaders<T>(work: (readers: Readers) => Promise<T>): Promise<T>;
  /** Of every token that the user has now. Processes of a cluster refuse them at once; another running server has to be told. */
  revokeTokens(userId: UserId): Promise<'full' | 'revoked'>;
}

/** What a command does is on its own lines: the stores say what went wrong alone. */
export const commandLog = createLog({ level: 'error' });

export async function closing<S extends { close(): Promise<void> }, T>(
  store: S,
  work: (store: S) => Promise<T>,
): Promise<T> {
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
