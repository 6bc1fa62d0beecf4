// moved.json: the mark of a migration in its data folder, so that no server writes there what the cluster would not see.

import { readFile, rm } from 'node:fs/promises';
import { writePrivateFile } from '../files/private-file.ts';
import { dataLayout } from './data-layout.ts';

export interface Moved {
  /** `switching`: the last of it is being copied; where nobody does, the move was interrupted, and the folder's store is still the one. */
  readonly state: 'switching' | 'moved';
  /** --cluster-name of the cluster. */
  readonly cluster: string;
  /** Unix milliseconds. */
  readonly atMs: number;
}

export const writeMoved = (data: string, moved: Moved): Promise<void> =>
  writePrivateFile(dataLayout(data).moved, `${JSON.stringify(moved)}\n`);

export const removeMoved = (data: string): Promise<void> => rm(dataLayout(data).moved, { force: true });

/** undefined: the folder was not migrated. */
async function readMoved(data: string): Promise<Moved | undefined> {
  try {
    return JSON.parse(await readFile(dataLayout(data).moved, 'utf8')) as Moved;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** For a server that holds the folder's lock: rejects when its store is a cluster's now. A move that was interrupted before is over. */
export async function assertStillOwn(data: string): Promise<void> {
  if ((await assertNoCopy(data)) !== undefined) await removeMoved(data);
}

/** For a command that takes the folder's store for the one that is served. Resolves with a move that is under way or was interrupted. */
export async function assertNoCopy(data: string): Promise<Moved | undefined> {
  const moved = await readMoved(data);
  if (moved?.state === 'moved') throw new Error(movedMessage(data, moved));
  return moved;
}

/** For a command that writes beside a server: rejects during and after a migration. */
export async function assertNotMoved(data: string): Promise<void> {
  const moved = await assertNoCopy(data);
  if (moved !== undefined)
    throw new Error(`the store of ${data} is being migrated into the cluster ${moved.cluster}: try again in a moment`);
}

/** For a move: from its end on the folder is an old copy of the cluster's store, and another cluster would go on from it with the same epoch. */
export async function assertNotMovedElsewhere(data: string, cluster: string): Promise<void> {
  const moved = await readMoved(data);
  if (moved?.state === 'moved' && moved.cluster !== cluster) throw new Error(movedMessage(data, moved));
}

const movedMessage = (data: string, { cluster, atMs }: Moved): string =>
  `the store of ${data} was moved into the cluster ${cluster} at ${new Date(atMs).toISOString()}: start it with --profile cluster. ` +
  `Later changes are in the cluster only`;
