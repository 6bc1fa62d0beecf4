// The open sessions of this gateway: which sockets a user has, which topics they follow, and what the bus brings them.

import type { Clock } from '@hongyan/base/clock';
import { soon } from '@hongyan/base/soon';
import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import type { Server } from 'bun';
import {
  type BusAttachment,
  type BusEvent,
  conversationTopic,
  type EventBus,
  presenceTopic,
  type Topic,
  userTopic,
} from '../../ports/event-bus/event-bus.ts';
import { type Connection, closeSocket, type Socket } from './connection.ts';
import type { Interest } from './interest.ts';

export interface SessionsOptions {
  readonly bus: EventBus;
  readonly clock: Clock;
  readonly backlogBytesMax: number;
}

/**
 * A user's own frames are queued per socket and leave in one write at the end of the turn; frames of a conversation or of
 * somebody's presence are published once and the socket layer hands the same bytes to every subscriber.
 */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #bus: BusAttachment;
  /** One socket is the usual case and costs no array. */
  readonly #byUser = new Map<Topic, Socket | Socket[]>();
  readonly #interests = new Map<Topic, Interest>();
  #dirty: Socket[] = [];
  #server: Server<Connection> | undefined;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#bus = options.bus.attach({
      onEvent: (event) => this.#onEvent(event),
      onLoss: (topics) => this.#onLoss(topics),
    });
  }

  attach(server: Server<Connection>): void {
    this.#server = server;
  }

  get userCount(): number {
    return this.#byUser.size;
  }

  add(socket: Socket, userId: UserId): void {
    const topic = userTopic(userId);
    const known = this.#byUser.get(topic);
    if (known === undefined) {
      this.#byUser.set(topic, socket);
      this.#bus.subscribe([topic]);
    } else this.#byUser.set(topic, [...asArray(known), socket]);
  }

  /** The socket is closed: the socket layer has dropped its subscriptions already. */
  remove(socket: Socket, userId: UserId): void {
    const topic = userTopic(userId);
    const rest = asArray(this.#byUser.get(topic)).filter((other) => other !== socket);
    const [first] = rest;
    if (first === undefined) {
      this.#byUser.delete(topic);
      this.#bus.unsubscribe([topic]);
    } else this.#byUser.set(topic, rest.length === 1 ? first : rest);
    for (const interest of socket.data.followed) this.#loseInterest(interest);
    socket.data.followed = [];
  }

  follow(socket: Socket, conversationIds: readonly ConversationId[]): void {
    for (const conversationId of conversationIds) this.#subscribe(socket, conversationTopic(conversationId));
  }

  watch(socket: Socket, userIds: readonly UserId[]): void {
    for (const userId of userIds) this.#subscribe(socket, presenceTopic(userId));
  }

  /** Leaves at the end of the turn, together with all else for this socket; while it opens, waits for `release`. */
  queue(socket: Socket, frame: string): void {
    const isFirst = socket.data.queue(frame);
    if (isFirst && socket.data.state.type !== 'opening') this.#markDirty(socket);
  }

  /** The socket was welcomed: what waited for that leaves. */
  release(socket: Socket): void {
    this.#markDirty(socket);
  }

  /** What is queued leaves now, as before a close. */
  flush(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const socket of dirty) this.#send(socket);
  }

  detach(): void {
    this.#bus.detach();
  }

  #markDirty(socket: Socket): void {
    if (this.#dirty.length === 0) soon(() => this.flush());
    this.#dirty.push(socket);
  }

  #send(socket: Socket): void {
    const frames = socket.data.take();
    if (!frames || socket.readyState !== WebSocket.OPEN) return;
    if (frames.length === 1) socket.send(frames[0] ?? '');
    else {
      socket.cork(() => {
        for (const frame of frames) socket.send(frame);
      });
    }
    // [D8] What it missed it reads from the timeline after reconnecting.
    if (socket.getBufferedAmount() > this.#options.backlogBytesMax) {
      closeSocket(socket, 'slow_consumer', this.#options.clock.monotonicMs());
    }
  }

  #subscribe(socket: Socket, topic: Topic): void {
    if (socket.isSubscribed(topic)) return;
    socket.subscribe(topic);
    const interest = this.#interests.get(topic) ?? { topic, count: 0 };
    interest.count++;
    socket.data.followed.push(interest);
    if (interest.count > 1) return;
    this.#interests.set(topic, interest);
    this.#bus.subscribe([topic]);
  }

  #unsubscribe(socket: Socket, topic: Topic): void {
    const { followed } = socket.data;
    const interest = followed.find((item) => item.topic === topic);
    if (!interest) return;
    socket.unsubscribe(topic);
    followed.splice(followed.indexOf(interest), 1);
    this.#loseInterest(interest);
  }

  #loseInterest(interest: Interest): void {
    interest.count--;
    if (interest.count > 0) return;
    this.#interests.delete(interest.topic);
    this.#bus.unsubscribe([interest.topic]);
  }

  #onEvent(event: BusEvent): void {
    const sockets = this.#byUser.get(event.topic);
    switch (event.type) {
      case 'membership':
        for (const socket of asArray(sockets)) this.#onMembership(socket, event);
        return;
      case 'replaced':
        for (const socket of asArray(sockets)) this.#onReplaced(socket, event);
        return;
      case 'frame':
        if (sockets === undefined) this.#server?.publish(event.topic, event.frame);
        else if (Array.isArray(sockets)) for (const socket of sockets) this.queue(socket, event.frame);
        else this.queue(sockets, event.frame);
    }
  }

  #onMembership(socket: Socket, { conversationId, isMember }: Extract<BusEvent, { type: 'membership' }>): void {
    const { state } = socket.data;
    if (state.type === 'opening') state.changes.set(conversationId, isMember);
    else if (isMember) this.#subscribe(socket, conversationTopic(conversationId));
    else this.#unsubscribe(socket, conversationTopic(conversationId));
  }

  /** A device has one connection: a second one means that the first is dead or a copy. */
  #onReplaced(socket: Socket, { deviceId, sessionId }: Extract<BusEvent, { type: 'replaced' }>): void {
    const { state } = socket.data;
    if (state.type !== 'open' && state.type !== 'opening') return;
    if (state.actor.deviceId !== deviceId || state.sessionId === sessionId) return;
    closeSocket(socket, 'replaced', this.#options.clock.monotonicMs());
  }

  /** The bus may have lost something: those it concerns reconnect and read the timeline. */
  #onLoss(topics: readonly Topic[] | undefined): void {
    const lost = topics && new Set(topics);
    for (const [topic, sockets] of this.#byUser) {
      for (const socket of asArray(sockets)) {
        const isConcerned = !lost || lost.has(topic) || socket.data.followed.some(({ topic: name }) => lost.has(name));
        if (isConcerned) closeSocket(socket, 'going_away', this.#options.clock.monotonicMs());
      }
    }
  }
}

function asArray(sockets: Socket | Socket[] | undefined): Socket[] {
  if (sockets === undefined) return [];
  return Array.isArray(sockets) ? sockets : [sockets];
}
