// A map for entries that come and go all the time, such as what is under way by its id.
//
// A Map costs the garbage collector much then. When its table grows or shrinks, JavaScriptCore lets the old table refer to the new
// one and keep its entries: since a collection of the young generation takes old objects for alive, it keeps all tables since the
// last full collection, with everything that was ever deleted from the map. Here a deleted entry leaves an empty place, and a map
// with too many of them is replaced by a new one, to which nothing old refers.

const emptyMin = 256;

/** As a Map, but a key that comes back after it was deleted may keep its earlier place in the order. */
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

  /** Entries may be set and deleted meanwhile, as with a Map. */
  *[Symbol.iterator](): Generator<[K, V]> {
    const map = this.#map;
    for (const [key, value] of map) if (value !== undefined && this.get(key) === value) yield [key, value];
  }
}
