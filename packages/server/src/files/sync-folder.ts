// Makes what was created, renamed or removed in a folder outlive a loss of power: fsync of a file does not cover its name.

import { open } from 'node:fs/promises';

/** Some network file systems sync no folders, and a folder may be open to writes and not to reads: there a name is as durable as it is. */
const cannot = ['EINVAL', 'ENOTSUP', 'EACCES'];

export async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    if (!cannot.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
