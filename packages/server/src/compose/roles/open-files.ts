// How many connections the process may hold within its limit of open files.

import { readFileSync } from 'node:fs';

/** File descriptors for stores, links, logs and HTTP requests. */
const reserved = 512;

/**
 * The limit of open files less a reserve; unbounded where the system does not tell. At the limit itself accepting fails and the
 * event loop spins, so connections are refused before it.
 */
export function openFilesForConnections(limits = readLimits()): number {
  const softLimit = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return softLimit === undefined ? Number.MAX_SAFE_INTEGER : Math.max(1, Number(softLimit) - reserved);
}

function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    // Only Linux has the file.
    return '';
  }
}
