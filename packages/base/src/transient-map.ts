// A map for short-lived entries, such as requests in flight by id.
//
// With a Map such entries survive as garbage. When its table grows or shrinks, JavaScriptCore keeps the entries in the old table, which
// refers to the new one. A collection of the young generation treats old objects as alive, so it retains all tables since the last full
// collection, with every entry that was ever deleted. Here a deleted entry leaves an empty slot, and a map with too many of them is replaced
// by a new one, which no old table refers to.

const emptyMin = 256;

/** Like a Map, but a key that is deleted and set again may keep its earlier place in the order. */
export class TransientMap<K, V extends object> {
  #map = new Map<K, V | undefined>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: K): V | undefined {
    return this.#map.get(key);
  }

  has(key: K): boolean {
    return this.#map.get(key) !== undefined;
  }

  set(key: K, value: V): void {
    if (this.#map.get(key) === undefined) this.#size++;
    this.#map.set(key, value);
  }

  delete(key: K): boolean {
    if (this.#map.get(key) === undefined) return false;
    this.#size--;
    this.#map.set(key, undefined);
    if (this.#map.size - this.#size > this.#size + emptyMin) this.#map = new Map(this);
    return true;
  }

  *values(): Generator<V> {
    for (const [, value] of this) yield value;
  }

  /** Entries may be set and deleted during the iteration, as with a Map. */
  *[Symbol.iterator](): Generator<[K, V]> {
    const map = this.#map;
    for (const [key, value] of map) if (value !== undefined && this.get(key) === value) yield [key, value];
  }
}
