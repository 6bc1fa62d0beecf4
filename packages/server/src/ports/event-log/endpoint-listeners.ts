// Who in this process wants to know of changes of endpoints.

export class EndpointListeners {
  readonly #heard = new Set<(endpointId: string) => void>();

  /** Returns what ends it. */
  add(heard: (endpointId: string) => void): () => void {
    this.#heard.add(heard);
    return () => this.#heard.delete(heard);
  }

  changed(endpointId: string): void {
    for (const heard of this.#heard) heard(endpointId);
  }
}
