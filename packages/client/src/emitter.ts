// Typed events. A listener that throws does not affect the others.

/** Without the listeners' side. */
export type Emits<Events> = Pick<Emitter<Events>, 'emit'>;

export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>();

  /** Returns the function that removes the listener. */
  on<E extends keyof Events>(event: E, listener: (value: Events[E]) => void): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners);
    // A wrapper for each call, so that a function given twice is called twice and each return value removes one.
    const own = (value: Events[E]) => listener(value);
    listeners.add(own);
    return () => void listeners.delete(own);
  }

  emit<E extends keyof Events>(event: E, value: Events[E]): void {
    for (const listener of this.#listeners.get(event) ?? []) {
      try {
        (listener as (value: Events[E]) => void)(value);
      } catch (error) {
        // A bug of the application: reported as an uncaught error, after this turn.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
