// One process at a time. The lock of a process that died is taken over.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { until } from '../until.ts';
import { isAlive, ownProcess } from './detached.ts';

const waitMs = 300_000;

export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  await until(() => isTaken(file), { withinMs: waitMs, what: `the lock ${file}` });
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function isTaken(file: string): boolean {
  try {
    writeFileSync(file, JSON.stringify(ownProcess()), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  try {
    if (!isAlive(JSON.parse(readFileSync(file, 'utf8')))) rmSync(file, { force: true });
  } catch {
    // Just released, or being written: look again.
  }
  return false;
}
