// The embedded event bus: delivers synchronously within one process and loses nothing. Also the local part of a bus between processes.

import type { BusAttachment, BusEvent, BusListener, EventBus, Topic } from './event-bus.ts';

/** For a bus between processes: reports which topics have subscribers in this process. */
export interface InterestHooks {
  /** The topic has its first subscriber. `subscribe` waits for the returned promise, and rejects if it rejects. */
  onFirst(topic: Topic): void | Promise<void>;
  /** The last subscriber of the topic has left. */
  onLast(topic: Topic): void;
}

/** Shared by all calls, so that publishing and subscribing allocate no promise. */
const accepted = Promise.resolve();

export class MemoryEventBus implements EventBus {
  readonly #hooks: InterestHooks | undefined;
  /** Most topics have one subscriber, which needs no set. */
  readonly #byTopic = new Map<Topic, BusListener | Set<BusListener>>();
  /** Topics whose first subscription is not in force yet. */
  readonly #pending = new Map<Topic, Promise<void>>();
  readonly #attached = new Set<BusListener>();

  constructor(hooks?: InterestHooks) {
    this.#hooks = hooks;
  }

  /** Every subscriber has received the events when this returns. */
  publish(events: readonly BusEvent[]): Promise<void> {
    try {
      for (const event of events) this.#deliver(event);
      return accepted;
    } catch (error) {
      // A listener that throws is a bug. Like any async function, publish rejects instead of throwing.
      return Promise.reject(error);
    }
  }

  attach(listener: BusListener): BusAttachment {
    this.#attached.add(listener);
    return {
      subscribe: (topics) => this.#subscribe(listener, topics),
      unsubscribe: (topics) => {
        for (const topic of topics) this.#remove(topic, listener);
      },
      detach: () => this.#detach(listener),
    };
  }

  /** Topics with a subscriber. */
  topics(): Iterable<Topic> {
    return this.#byTopic.keys();
  }

  /** Reports a possible loss, of these topics or of any topic, to every listener. */
  reportLoss(topics?: readonly Topic[]): void {
    for (const listener of this.#attached) listener.onLoss(topics);
  }

  #deliver(event: BusEvent): void {
    const subscribers = this.#byTopic.get(event.topic);
    if (subscribers === undefined) return;
    if (subscribers instanceof Set) for (const listener of subscribers) notify(listener, event);
    else notify(subscribers, event);
  }

  #subscribe(listener: BusListener, topics: readonly Topic[]): Promise<void> {
    if (!this.#attached.has(listener)) return accepted;
    const added = topics.filter((topic) => this.#add(topic, listener));
    if (this.#pending.size === 0) return accepted;
    const pending = topics.flatMap((topic) => this.#pending.get(topic) ?? []);
    return pending.length === 0 ? accepted : this.#inForce(listener, added, pending);
  }

  /** Removes all topics of a subscription that fails. */
  async #inForce(listener: BusListener, added: readonly Topic[], pending: readonly Promise<void>[]): Promise<void> {
    try {
      await Promise.all(pending);
    } catch (error) {
      for (const topic of added) this.#remove(topic, listener);
      throw error;
    }
  }

  /** false: the listener is subscribed to the topic already. */
  #add(topic: Topic, listener: BusListener): boolean {
    const subscribers = this.#byTopic.get(topic);
    if (subscribers === undefined) {
      this.#byTopic.set(topic, listener);
      this.#announce(topic);
      return true;
    }
    if (subscribers === listener) return false;
    if (!(subscribers instanceof Set)) {
      this.#byTopic.set(topic, new Set([subscribers, listener]));
      return true;
    }
    const isNew = !subscribers.has(listener);
    subscribers.add(listener);
    return isNew;
  }

  #announce(topic: Topic): void {
    const announced = this.#hooks?.onFirst(topic);
    if (announced === undefined) return;
    this.#pending.set(topic, announced);
    const settled = () => {
      if (this.#pending.get(topic) === announced) this.#pending.delete(topic);
    };
    // A rejection reaches the callers of subscribe.
    announced.then(settled, settled);
  }

  #remove(topic: Topic, listener: BusListener): void {
    const subscribers = this.#byTopic.get(topic);
    const isLast =
      subscribers === listener ||
      (subscribers instanceof Set && subscribers.delete(listener) && subscribers.size === 0);
    if (!isLast) return;
    this.#byTopic.delete(topic);
    this.#hooks?.onLast(topic);
  }

  #detach(listener: BusListener): void {
    this.#attached.delete(listener);
    for (const topic of [...this.#byTopic.keys()]) this.#remove(topic, listener);
  }
}

function notify(listener: BusListener, event: BusEvent): void {
  if (event.type === 'lost') listener.onLoss([event.topic]);
  else listener.onEvent(event);
}
