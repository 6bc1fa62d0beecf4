// Work that takes turns: with the same key one after the other, in the order asked; with different keys side by side.

export class Turns<Key> {
  /** The end of the line of each key that somebody works or waits for. */
  readonly #last = new Map<Key, Promise<unknown>>();

  /** Settles as `work` does. Work that fails keeps nobody behind it from their turn. */
  take<T>(key: Key, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const own = before.then(work, work);
    this.#last.set(key, own);
    const leave = () => {
      if (this.#last.get(key) === own) this.#last.delete(key);
    };
    own.then(leave, leave);
    return own;
  }
}
