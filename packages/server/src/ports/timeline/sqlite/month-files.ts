// The files of a timeline's folder: one SQLite file per month, and heads.db. Removing a month is deleting its file [M18].

import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Month } from './month.ts';

export const monthPath = (folder: string, month: Month): string => join(folder, `timeline-${month}.db`);
export const headsPath = (folder: string): string => join(folder, 'heads.db');

/** Oldest first. */
export function listMonths(folder: string): Month[] {
  return readdirSync(folder)
    .flatMap((name) => name.match(/^timeline-(\d{4}-\d{2})\.db$/)?.[1] ?? [])
    .sort();
}

/** Whether the file exists and is not empty, so that it can contain the month's tables. */
export function isWholeMonth(folder: string, month: Month): boolean {
  return (statSync(monthPath(folder, month), { throwIfNoEntry: false })?.size ?? 0) > 0;
}

export function deleteMonth(folder: string, month: Month): void {
  for (const suffix of ['', '-wal', '-shm']) {
    const path = monthPath(folder, month) + suffix;
    if (existsSync(path)) rmSync(path);
  }
}

/** Deletes log files without a database file, which a crash during `deleteMonth` leaves. MUST be called only when no month is missing. */
export function deleteOrphanedLogs(folder: string): void {
  for (const name of readdirSync(folder)) {
    const file = name.match(/^(timeline-\d{4}-\d{2}\.db)-(?:wal|shm)$/)?.[1];
    if (file !== undefined && !existsSync(join(folder, file))) rmSync(join(folder, name));
  }
}
