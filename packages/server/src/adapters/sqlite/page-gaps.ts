// Zeroes the unallocated space in the middle of b-tree pages (https://sqlite.org/fileformat2.html, section 1.6). When SQLite
// defragments a page, or moves its rows to a sibling, copies of rows stay there, and secure_delete does not clear them. SQLite never
// reads this space, so that it can be zeroed in the file while SQLite has it open.

import { closeSync, fdatasyncSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { pageBytes } from './open.ts';

const zeros = Buffer.alloc(pageBytes);
/** A mebibyte. */
const pagesPerRead = 256;

/**
 * Writes to a database file beside SQLite's connections. Zeroing the gap of any page is safe at any time except during a checkpoint:
 * when the log has a newer version of the page, the gap of the older one is unallocated too.
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

  /** Zeroes the gaps of up to `pagesPerRead` pages from `first` on. Returns the next page. */
  zeroGapsFrom(first: number): number {
    const pages = this.#read(first, pagesPerRead);
    for (let index = 0; index < pages; index++) this.#zeroGap(first + index, index * pageBytes);
    return first + pages;
  }

  zeroGapsOf(pages: Iterable<number>): void {
    for (const page of pages) if (this.#read(page, 1) === 1) this.#zeroGap(page, 0);
  }

  /** Makes the zeroed gaps durable. */
  sync(): void {
    fdatasyncSync(this.#fd);
  }

  /** MUST be called when no connection of this process has the file open, because closing any descriptor of a file releases all its POSIX locks. */
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

/** The page numbers in the log, including those of frames before its last reset. */
export function pagesInLog(path: string): Set<number> {
  const [headerBytes, frameHeaderBytes] = [32, 24];
  const pages = new Set<number>();
  const number = Buffer.alloc(4);
  // SQLite locks the -shm file instead of the log, so this descriptor can be closed.
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
 * undefined for pages that are not b-tree pages. They begin with the high byte of a page number, which equals a b-tree type only in files
 * beyond 128 GiB. There, the text that fills them does not parse as cell pointers.
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
