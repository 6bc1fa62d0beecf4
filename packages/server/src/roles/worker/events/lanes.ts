// Events on their way to one endpoint, in lanes: in a lane one after the other, lanes side by side. A lane whose first event failed
// waits for its next attempt, and what comes behind it waits with it.

import { assert } from '@hongyan/base/assert';
import { MinHeap } from '@hongyan/base/min-heap';
import { TransientMap } from '@hongyan/base/transient-map';
import type { StoredEvent } from '../../../ports/event-log/event-log.ts';
import type { Parked } from '../../../ports/event-log/webhooks.ts';

export interface Item {
  readonly position: number;
  /** undefined: read again when it is sent. */
  readonly event: StoredEvent | undefined;
  /** Written down as parked: the cursor may pass it. */
  isParked: boolean;
}

export interface Lane {
  readonly name: string;
  /** Never empty. */
  readonly items: Item[];
  /** Failed ones of the first item. */
  attempts: number;
  /** The next attempt comes not before it. */
  nextMs: number;
}

export class Lanes {
  readonly #byName = new TransientMap<string, Lane>();
  /** May send; in the order in which they became so. */
  readonly #ready: Lane[] = [];
  /** Up to webhook-waiting-max: the one that is due first is asked for with each delivery. */
  readonly #delayed = new MinHeap<Lane>((one, other) => one.nextMs < other.nextMs);

  get hasReady(): boolean {
    return this.#ready.length > 0;
  }

  /** As they were left. Ascending by position. */
  load(parked: readonly Parked[]): void {
    for (const { position, lane, attempts, nextMs } of parked) {
      const item: Item = { position, event: undefined, isParked: true };
      const known = this.#byName.get(lane);
      if (known) known.items.push(item);
      else this.#delayed.add(this.#begin(lane, item, { attempts, nextMs }));
    }
  }

  /** Returns whether it has to be parked at once: one before it in its lane failed. */
  add(event: StoredEvent): boolean {
    const item: Item = { position: event.position, event, isParked: false };
    const lane = this.#byName.get(event.lane);
    if (!lane) {
      this.#ready.push(this.#begin(event.lane, item, { attempts: 0, nextMs: 0 }));
      return false;
    }
    const isHeld = lane.items[0]?.isParked === true;
    // What waits long is read again: texts of messages are not kept in memory for days.
    lane.items.push(isHeld ? { position: event.position, event: undefined, isParked: true } : item);
    return isHeld;
  }

  /** The next that may send; it is the caller's until `delivered` or `failed`. */
  take(nowMs: number): Lane | undefined {
    for (let due = this.#delayed.first; due !== undefined && due.nextMs <= nowMs; due = this.#delayed.first) {
      this.#delayed.take();
      this.#ready.push(due);
    }
    return this.#ready.shift();
  }

  /** The first item is done with, and the next may be sent. */
  delivered(lane: Lane): void {
    lane.items.shift();
    lane.attempts = 0;
    lane.nextMs = 0;
    if (lane.items.length > 0) this.#ready.push(lane);
    else this.#byName.delete(lane.name);
  }

  /** Its first item is tried again at `nextMs`. */
  failed(lane: Lane, nextMs: number): void {
    assert(lane.items.length > 0, 'a lane that failed has an item');
    lane.nextMs = nextMs;
    this.#delayed.add(lane);
  }

  /** With events that are not written down. */
  get unparked(): readonly Lane[] {
    return [...this.#byName.values()].filter(({ items }) => items.some(({ isParked }) => !isParked));
  }

  /** When the next delayed one may send; undefined when none is delayed. */
  get nextMs(): number | undefined {
    return this.#delayed.first?.nextMs;
  }

  #begin(name: string, item: Item, { attempts, nextMs }: Pick<Lane, 'attempts' | 'nextMs'>): Lane {
    const lane: Lane = { name, items: [item], attempts, nextMs };
    this.#byName.set(name, lane);
    return lane;
  }
}
