// Collects the entries of a range request until one of its limits is reached.

import type { RangeRequest, StoredEntry } from './timeline.ts';

/** The entries of a page, in the order in which they are offered. */
export class Page {
  readonly entries: StoredEntry[] = [];
  /** An entry was offered and rejected. */
  hasMore = false;
  readonly #countsAll: boolean;
  readonly #bytesMax: number;
  #room: number;
  #uncountedRoom: number;
  #bytes = 0;

  constructor({
    limit,
    withTargeted = false,
    uncountedMax = limit,
    bytesMax = Number.POSITIVE_INFINITY,
  }: RangeRequest) {
    this.#countsAll = withTargeted;
    this.#room = limit;
    this.#uncountedRoom = withTargeted ? 0 : uncountedMax;
    this.#bytesMax = bytesMax;
  }

  /** The maximum number of entries that the page still accepts. */
  get room(): number {
    return this.#room + this.#uncountedRoom;
  }

  /**
   * Returns whether the page accepted the entry. After the first rejected entry the page accepts none, so that it has no holes
   * and no uncounted entry after its last message.
   */
  offer(entry: StoredEntry): boolean {
    const isCounted = this.#countsAll || entry.isCounted;
    const bytes = this.#bytesMax === Number.POSITIVE_INFINITY ? 0 : bytesOf(entry);
    const isTooLarge = this.entries.length > 0 && this.#bytes + bytes > this.#bytesMax;
    if (this.hasMore || isTooLarge || this.#room === 0 || (!isCounted && this.#uncountedRoom === 0)) {
      this.hasMore = true;
      return false;
    }
    if (isCounted) this.#room--;
    else this.#uncountedRoom--;
    this.#bytes += bytes;
    this.entries.push(entry);
    return true;
  }
}

/** Includes the references, because a list of mentions may be longer than the content. */
const bytesOf = ({ contentJson, referencesJson = '' }: StoredEntry): number =>
  Buffer.byteLength(contentJson) + Buffer.byteLength(referencesJson);
