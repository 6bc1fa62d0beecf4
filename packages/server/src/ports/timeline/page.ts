// A page of a conversation while it is filled, up to the limits of the request.

import type { RangeRequest, StoredEntry } from './timeline.ts';

/** Entries in the order they are read, up to the limits of a request. */
export class Page {
  readonly entries: StoredEntry[] = [];
  /** An entry was offered that the limits keep out. */
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

  /** Entries that it may still take. */
  get room(): number {
    return this.#room + this.#uncountedRoom;
  }

  /** Returns whether the entry was taken. A page ends for good with the first entry it refuses: it has no holes, and nothing uncounted after its last message. */
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

/** Of what users write: whom a message mentions may be longer than what it says. */
const bytesOf = ({ contentJson, referencesJson = '' }: StoredEntry): number =>
  Buffer.byteLength(contentJson) + Buffer.byteLength(referencesJson);
