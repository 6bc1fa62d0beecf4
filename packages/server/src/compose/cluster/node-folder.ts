// What a process of a cluster keeps on its machine for itself: a folder below the data folder, and by it the name of the process.

import { hostname } from 'node:os';
import { join } from 'node:path';
import { type FolderLock, lockFolder } from '../../adapters/sqlite/folder-lock.ts';
import { dataLayout } from '../../config/data-layout.ts';
import type { Config } from '../../config/options.ts';
import { parseRoles, type Role } from '../../config/roles.ts';
import { ensureFolder } from '../../files/folder-access.ts';

export interface NodeFolder {
  readonly name: string;
  readonly path: string;
  release(): void;
}

/** Of one machine that are named by their number. */
const processesMax = 1_000;

/** Rejects when another process of this machine has the configured name. */
export async function claimNodeFolder({ data, node, roles }: Config): Promise<NodeFolder> {
  const { nodes } = dataLayout(data);
  if (node !== '') {
    const claimed = await claim(nodes, node);
    if (claimed !== undefined) return claimed;
    throw new Error(`node name ${node} is in use: stop the other process, or choose another name with --node`);
  }
  const stem = `${machineName()}-${wordOf(parseRoles(roles))}`;
  for (let number = 1; number <= processesMax; number++) {
    const claimed = await claim(nodes, `${stem}-${number}`);
    if (claimed !== undefined) return claimed;
  }
  throw new Error(`${processesMax} processes named ${stem} run on ${data}: give this one another folder with --data`);
}

async function claim(nodes: string, name: string): Promise<NodeFolder | undefined> {
  const path = join(nodes, name);
  await ensureFolder(path);
  const lock = lockedUnless(isBusy, path);
  return lock && { name, path, release: () => lock.release() };
}

function lockedUnless(isTaken: (error: unknown) => boolean, path: string): FolderLock | undefined {
  try {
    return lockFolder(path);
  } catch (error) {
    if (isTaken(error)) return undefined;
    throw error;
  }
}

/** Another process has it. */
function isBusy(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && cause.code === 'SQLITE_BUSY';
}

const machineName = (): string =>
  hostname()
    .replace(/\..*$/s, '')
    .replaceAll(/[^\w-]/g, '-')
    .slice(0, 40) || 'machine';

/** A core that works too is a core. */
function wordOf(wanted: ReadonlySet<Role>): string {
  if (wanted.has('core')) return wanted.has('gateway') ? 'node' : 'core';
  const [only] = wanted;
  return wanted.size === 1 && only !== undefined ? only : 'node';
}
