// Files with secrets in the data folder: for their owner alone, and there whole or not at all, also after a crash or on a full disk.

import { open, rename, rm } from 'node:fs/promises';

export async function writePrivateFile(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}.tmp`;
  try {
    const file = await open(draft, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
