// Publishes frames of conversations and of presence to their subscribers. The frames that one turn of the event loop published to a
// topic are sent at its end: as one bundle to sockets that accept bundles, frame by frame to the others.

import { assert } from '@hongyan/base/assert';
import type { BusAttachment, Topic } from '../../../ports/event-bus/event-bus.ts';
import { bundle } from './bundle.ts';
import type { Interest } from './interest.ts';
import type { Publisher, Socket } from './socket.ts';

export interface TopicFanoutOptions {
  readonly bus: Pick<BusAttachment, 'subscribe' | 'unsubscribe'>;
  readonly publisher: Publisher;
  /** The first frame of a turn was queued: `flush` MUST be called at the end of the turn. */
  readonly onFirstQueued: () => void;
  /** Characters handed to the socket layer, for this many sockets. */
  readonly onPublished: (characters: number, sockets: number) => void;
}

/** No id contains a space, so no topic of the bus ends like this. */
const bundlingSuffix = ' +';

export class TopicFanout {
  readonly #options: TopicFanoutOptions;
  readonly #interests = new Map<Topic, Interest>();
  #dirty: Interest[] = [];

  constructor(options: TopicFanoutOptions) {
    this.#options = options;
  }

  get topicCount(): number {
    return this.#interests.size;
  }

  /** The caller calls `subscribe` once the interest is in force, or `release`. */
  acquire(topic: Topic): Interest {
    const shared = this.#interests.get(topic);
    if (shared !== undefined) {
      shared.holders++;
      return shared;
    }
    const inForce = this.#options.bus.subscribe([topic]);
    const interest: Interest = { topic, inForce, holders: 1, plain: 0, bundling: 0, pending: undefined };
    this.#interests.set(topic, interest);
    return interest;
  }

  release(interest: Interest): void {
    assert(interest.holders > 0, 'each holder releases an interest once');
    interest.holders--;
    if (interest.holders > 0) return;
    interest.pending = undefined;
    this.#interests.delete(interest.topic);
    this.#options.bus.unsubscribe([interest.topic]);
  }

  /** The socket does not receive frames that were published before: its user may have no right to them. */
  subscribe(socket: Socket, interest: Interest): void {
    this.#flushOne(interest);
    socket.data.followed.push(interest);
    if (socket.data.takesBundles) interest.bundling++;
    else interest.plain++;
    socket.subscribe(variantOf(socket, interest));
  }

  /** The socket still receives frames that were published before. */
  unsubscribe(socket: Socket, interest: Interest): void {
    this.#flushOne(interest);
    socket.unsubscribe(variantOf(socket, interest));
    this.#removeSubscriber(socket, interest);
    socket.data.followed.splice(socket.data.followed.indexOf(interest), 1);
  }

  /** The socket is closed, which ended its subscriptions in the socket layer. */
  forget(socket: Socket): void {
    for (const interest of socket.data.followed) this.#removeSubscriber(socket, interest);
    socket.data.followed = [];
  }

  follows(socket: Socket, topic: Topic): boolean {
    return socket.isSubscribed(socket.data.takesBundles ? topic + bundlingSuffix : topic);
  }

  /** Returns the number of subscribers. */
  publish(topic: Topic, frame: string): number {
    const interest = this.#interests.get(topic);
    if (interest === undefined) return 0;
    const sockets = interest.plain + interest.bundling;
    if (interest.pending !== undefined) {
      interest.pending.push(frame);
      return sockets;
    }
    interest.pending = [frame];
    this.#dirty.push(interest);
    if (this.#dirty.length === 1) this.#options.onFirstQueued();
    return sockets;
  }

  flush(): void {
    if (this.#dirty.length === 0) return;
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const interest of dirty) this.#flushOne(interest);
  }

  #flushOne(interest: Interest): void {
    const { topic, pending, plain, bundling } = interest;
    if (pending === undefined) return;
    interest.pending = undefined;
    if (bundling > 0) for (const text of bundle(pending)) this.#publish(topic + bundlingSuffix, text, bundling);
    if (plain > 0) for (const frame of pending) this.#publish(topic, frame, plain);
  }

  #publish(topic: string, text: string, sockets: number): void {
    this.#options.publisher.publish(topic, text);
    this.#options.onPublished(text.length, sockets);
  }

  #removeSubscriber(socket: Socket, interest: Interest): void {
    if (socket.data.takesBundles) interest.bundling--;
    else interest.plain--;
    this.release(interest);
  }
}

const variantOf = (socket: Socket, { topic }: Interest): string =>
  socket.data.takesBundles ? topic + bundlingSuffix : topic;
