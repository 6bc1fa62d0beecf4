// The unallocated space in the middle of b-tree pages (https://sqlite.org/fileformat2.html, section 1.6). When SQLite packs the
// rows of a page anew, or moves them to a sibling, copies of them stay there, and secure_delete does not reach them. SQLite never
// reads this space, so it can be zeroed in the file beside SQLite.

import { closeSync, fdatasyncSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { pageBytes } from './open.ts';

const zeros = Buffer.alloc(pageBytes);
/** A mebibyte. */
const pagesPerRead = 256;

/**
 * A database file beside the connections that have it open. Zeroing is right for any page of the file at any time but during a
 * checkpoint: a newer version of the page may be in the log, and for those who still read the older one its gap is as meaningless.
 */
export class PageFile {
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(pagesPerRead * pageBytes);

  constructor(path: string) {
    this.#fd = openSync(path, 'r+');
  }

  /** Pages are numbered from 1. */
  get pageCount(): number {
    return Math.floor(fstatSync(this.#fd).size / pageBytes);
  }

  /** From `first` on, `pagesPerRead` pages or to the end of the file; returns the page after them. */
  zeroGapsFrom(first: number): number {
    const pages = this.#read(first, pagesPerRead);
    for (let index = 0; index < pages; index++) this.#zeroGap(first + index, index * pageBytes);
    return first + pages;
  }

  zeroGapsOf(pages: Iterable<number>): void {
    for (const page of pages) if (this.#read(page, 1) === 1) this.#zeroGap(page, 0);
  }

  /** Zeroed gaps survive a loss of power. */
  sync(): void {
    fdatasyncSync(this.#fd);
  }

  /** MUST come when no connection of this process has the file open: closing any descriptor of a file gives back all POSIX locks on it. */
  close(): void {
    closeSync(this.#fd);
  }

  #read(first: number, count: number): number {
    const bytes = readSync(this.#fd, this.#buffer, 0, count * pageBytes, (first - 1) * pageBytes);
    return Math.floor(bytes / pageBytes);
  }

  #zeroGap(page: number, at: number): void {
    const gap = gapOf(this.#buffer.subarray(at, at + pageBytes), page === 1 ? 100 : 0);
    if (!gap || this.#buffer.compare(zeros, 0, gap.end - gap.start, at + gap.start, at + gap.end) === 0) return;
    writeSync(this.#fd, zeros, 0, gap.end - gap.start, (page - 1) * pageBytes + gap.start);
  }
}

/** Page numbers that the log names, those of frames before its last reset among them. */
export function pagesInLog(path: string): Set<number> {
  const [headerBytes, frameHeaderBytes] = [32, 24];
  const pages = new Set<number>();
  const number = Buffer.alloc(4);
  // The locks of the log are on the -shm file: this one can be closed.
  const fd = openSync(`${path}-wal`, 'r');
  try {
    for (let at = headerBytes; readSync(fd, number, 0, 4, at) === 4; at += frameHeaderBytes + pageBytes)
      pages.add(number.readUInt32BE());
  } finally {
    closeSync(fd);
  }
  return pages;
}

const pointerArrayAt = new Map([
  [0x02, 12],
  [0x05, 12],
  [0x0a, 8],
  [0x0d, 8],
]);

/**
 * Undefined for other pages. Those begin with the high byte of a page number, which says nothing of a type before the file has
 * 128 GiB; beyond, the text that fills them does not look like the places of cells.
 */
function gapOf(page: Buffer, headerAt: number): { readonly start: number; readonly end: number } | undefined {
  const pointersAt = pointerArrayAt.get(page[headerAt] ?? 0);
  if (pointersAt === undefined) return undefined;
  const cells = page.readUInt16BE(headerAt + 3);
  const end = page.readUInt16BE(headerAt + 5);
  const start = headerAt + pointersAt + 2 * cells;
  if (start > end || end > pageBytes) return undefined;
  for (let at = headerAt + pointersAt; at < start; at += 2) {
    const cellAt = page.readUInt16BE(at);
    if (cellAt < end || cellAt >= pageBytes) return undefined;
  }
  return { start, end };
}
