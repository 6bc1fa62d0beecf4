// The listeners of this process to changes of endpoints.

export class EndpointListeners {
  readonly #listeners = new Set<(endpointId: string) => void>();

  /** Returns a function that removes the listener. */
  add(listener: (endpointId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  changed(endpointId: string): void {
    for (const listener of this.#listeners) listener(endpointId);
  }
}
