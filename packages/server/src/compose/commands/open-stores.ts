// Opens the stores that a command works on, by the profile of its configuration.

import { existsSync } from 'node:fs';
import { systemClock } from '@hongyan/base/clock';
import type { UserId } from '@hongyan/protocol/ids';
import { dataLayout } from '../../config/data-layout.ts';
import type { Config } from '../../config/options.ts';
import { ofAllTokens } from '../../domain/revocation.ts';
import { assertReadable } from '../../files/folder-access.ts';
import type { Access } from '../../ports/access/access.ts';
import type { Directory } from '../../ports/directory/directory.ts';
import { openAccess, openDirectory, withDeviceReader, withDirectoryReader, withReaders } from './folder-stores.ts';
import { type CommandStores, closing, commandLog } from './stores.ts';

/** Imported on demand: loading the clients of MySQL and Redis takes longer than most commands. */
export async function openCommandStores(config: Config): Promise<CommandStores> {
  if (config.profile !== 'cluster') return new FolderStores(config);
  const { ClusterCommandStores } = await import('./cluster-stores.ts');
  return new ClusterCommandStores(config);
}

class FolderStores implements CommandStores {
  readonly #config: Config;

  constructor(config: Config) {
    this.#config = config;
  }

  get place(): string {
    return this.#config.data;
  }

  async withDirectory<T>(work: (directory: Directory) => Promise<T>): Promise<T> {
    return closing(await openDirectory(this.#config, commandLog), work);
  }

  async withAccess<T>(work: (access: Access) => Promise<T>): Promise<T> {
    return closing(await openAccess(this.#config, commandLog), work);
  }

  async withExistingAccess<T>(work: (access: Access) => Promise<T>): Promise<T> {
    const { data } = this.#config;
    if (existsSync(data)) await assertReadable(data);
    if (!existsSync(dataLayout(data).access))
      throw new Error(`the folder ${data} has no keys; give the server's data folder with --data`);
    return this.withAccess(work);
  }

  withDirectoryReader: CommandStores['withDirectoryReader'] = (work) => withDirectoryReader(this.#config, work);
  withDeviceReader: CommandStores['withDeviceReader'] = (work) => withDeviceReader(this.#config, work);
  withReaders: CommandStores['withReaders'] = (work) => withReaders(this.#config, work);

  revokeTokens(userId: UserId): Promise<'full' | 'revoked'> {
    return this.withAccess((access) => access.revoke([ofAllTokens(userId, { nowMs: systemClock.nowMs() })]));
  }
}
