// Typed events. A listener that throws does not affect the others.

import { ClientError } from './client-error.ts';

/** Without the listeners' side. */
export type Emits<Events> = Pick<Emitter<Events>, 'emit'>;

export class Emitter<Events> {
  readonly #names: Readonly<Record<keyof Events, true>>;
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>();

  constructor(names: Readonly<Record<keyof Events, true>>) {
    this.#names = names;
  }

  /** Returns the function that removes the listener. Throws ClientError `bad_request` for an unknown event. */
  on<E extends keyof Events>(event: E, listener: (value: Events[E]) => void): () => void {
    if (!Object.hasOwn(this.#names, event)) {
      const names = Object.keys(this.#names).join(', ');
      throw new ClientError(
        'bad_request',
        `there is no event ${JSON.stringify(String(event))}: the events are ${names}`,
      );
    }
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners);
    // A wrapper for each call, so that a function given twice is called twice and each return value removes one call.
    const wrapper = (value: Events[E]) => listener(value);
    listeners.add(wrapper);
    return () => void listeners.delete(wrapper);
  }

  /** To those that are there now, but for what one of them removes: one that subscribes anew in each event would be called for ever. */
  emit<E extends keyof Events>(event: E, value: Events[E]): void {
    const listeners = this.#listeners.get(event);
    for (const listener of listeners ? [...listeners] : []) {
      if (!listeners?.has(listener)) continue;
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
