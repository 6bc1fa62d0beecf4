// The stores that commands work on, whether the server runs or not: those of a data folder, or of a cluster.

import { createLog } from '@hongyan/base/log';
import type { UserId } from '@hongyan/protocol/ids';
import type { Access } from '../../ports/access/access.ts';
import type { DeviceReader } from '../../ports/devices/devices.ts';
import type { Directory, DirectoryReader } from '../../ports/directory/directory.ts';
import type { Readers } from './folder-stores.ts';

/** Each method opens what it names, and closes it when `work` has settled. */
export interface CommandStores {
  /** For messages: the path of the folder, or the name of the cluster. */
  readonly place: string;
  /** Created when there is none. */
  withDirectory<T>(work: (directory: Directory) => Promise<T>): Promise<T>;
  /** Created when there is none. */
  withAccess<T>(work: (access: Access) => Promise<T>): Promise<T>;
  /** As withAccess; rejects where there is none. */
  withExistingAccess<T>(work: (access: Access) => Promise<T>): Promise<T>;
  /** Rejects, like the other readers, if no server has run on the stores. */
  withDirectoryReader<T>(work: (directory: DirectoryReader) => Promise<T>): Promise<T>;
  withDeviceReader<T>(work: (devices: DeviceReader) => Promise<T>): Promise<T>;
  withReaders<T>(work: (readers: Readers) => Promise<T>): Promise<T>;
  /** Revokes all tokens that the user has now. A cluster rejects them at once; a running embedded server has to be notified. */
  revokeTokens(userId: UserId): Promise<'full' | 'revoked'>;
}

/** Commands print their own output: the stores log errors only. */
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
