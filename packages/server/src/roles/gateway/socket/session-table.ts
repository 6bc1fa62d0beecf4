// The sessions of this gateway: the sockets of each user, the topics they follow, and the delivery of bus events to them.

import { unreachable } from '@hongyan/base/assert';
import type { Clock } from '@hongyan/base/clock';
import type { Random } from '@hongyan/base/random';
import type { CloseReason } from '@hongyan/protocol/codes';
import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import {
  type BusAttachment,
  type BusEvent,
  conversationTopic,
  type EventBus,
  everyoneTopic,
  isUserTopic,
  presenceTopic,
  type Topic,
  userTopic,
} from '../../../ports/event-bus/event-bus.ts';
import type { Tracing } from '../../../tracing/tracing.ts';
import type { GatewayMeter } from '../meter.ts';
import { CatchUps } from './catch-ups.ts';
import type { Interest } from './interest.ts';
import { OutputQueue } from './output-queue.ts';
import type { Publisher, Socket } from './socket.ts';
import { TopicFanout } from './topic-fanout.ts';
import type { UnreadOutput } from './unread-output.ts';

export interface SessionTableOptions {
  readonly bus: EventBus;
  readonly publisher: Publisher;
  readonly meter: GatewayMeter;
  readonly unread: UnreadOutput;
  readonly tracing?: Tracing | undefined;
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
  readonly random: Random;
  /** The topic of notices to everyone could not be subscribed. */
  readonly onNotSubscribed: (error: unknown) => void;
  readonly close: (socket: Socket, reason: CloseReason) => void;
}

/** Users whose presence one connection follows. Beyond it the users requested longest ago are no longer followed. */
const watchedMax = 1000;

type FrameEvent = Extract<BusEvent, { type: 'frame' }>;

interface UserEntry {
  readonly inForce: Promise<void>;
  sockets: Socket[];
}

/**
 * Frames for a user are queued for each of the user's sockets. Frames of a conversation or of presence are published once by the
 * fan-out, and the socket layer sends the same bytes to every subscriber.
 */
export class SessionTable {
  /** The frames for single sockets. */
  readonly output: OutputQueue;
  readonly #options: SessionTableOptions;
  readonly #bus: BusAttachment;
  readonly #fanout: TopicFanout;
  readonly #catchUps: CatchUps;
  readonly #users = new Map<Topic, UserEntry>();

  constructor(options: SessionTableOptions) {
    this.#options = options;
    this.output = new OutputQueue({ ...options, onFlush: () => this.#fanout.flush() });
    this.#catchUps = new CatchUps({ ...options, close: (socket) => options.close(socket, 'going_away') });
    this.#bus = options.bus.attach({
      onEvent: (event) => this.#onEvent(event),
      onLoss: (topics) => this.#onLoss(topics),
    });
    // A connection that opens before this is in force receives the earlier notices from the core.
    this.#bus.subscribe([everyoneTopic]).catch(options.onNotSubscribed);
    this.#fanout = new TopicFanout({
      bus: this.#bus,
      publisher: options.publisher,
      onFirstQueued: () => this.output.schedule(),
      onPublished: (bytes, sockets) => this.#onPublished(bytes, sockets),
    });
  }

  get userCount(): number {
    return this.#users.size;
  }

  get topicCount(): number {
    return this.#fanout.topicCount;
  }

  /** Resolves when the socket receives the user's events. */
  add(socket: Socket, userId: UserId): Promise<void> {
    const topic = userTopic(userId);
    socket.data.userTopic = topic;
    const entry = this.#users.get(topic);
    if (entry !== undefined) {
      entry.sockets.push(socket);
      return entry.inForce;
    }
    const inForce = this.#bus.subscribe([topic]);
    this.#users.set(topic, { inForce, sockets: [socket] });
    return inForce;
  }

  /** The socket is closed. */
  remove(socket: Socket): void {
    this.#fanout.forget(socket);
    this.#catchUps.forget(socket);
    const topic = socket.data.userTopic;
    const entry = topic && this.#users.get(topic);
    if (topic === undefined || entry === undefined) return;
    socket.data.userTopic = undefined;
    entry.sockets = entry.sockets.filter((other) => other !== socket);
    if (entry.sockets.length > 0) return;
    this.#users.delete(topic);
    this.#bus.unsubscribe([topic]);
  }

  /**
   * Resolves when the bus delivers these conversations; `subscribe` then adds the socket to their subscribers. Rejects, and acquires
   * nothing, when one subscription failed.
   */
  async acquire(conversationIds: readonly ConversationId[]): Promise<readonly Interest[]> {
    const interests = conversationIds.map((conversationId) => this.#fanout.acquire(conversationTopic(conversationId)));
    try {
      await Promise.all(interests.map(({ inForce }) => inForce));
      return interests;
    } catch (error) {
      this.release(interests);
      throw error;
    }
  }

  release(interests: readonly Interest[]): void {
    for (const interest of interests) this.#fanout.release(interest);
  }

  subscribe(socket: Socket, interests: readonly Interest[]): void {
    for (const interest of interests) {
      if (socket.data.isMuted || this.#fanout.follows(socket, interest.topic)) this.#fanout.release(interest);
      else this.#fanout.subscribe(socket, interest);
    }
  }

  /** The user joined or left the conversation while the connection was open. */
  changeMembership(socket: Socket, conversationId: ConversationId, isMember: boolean): void {
    const topic = conversationTopic(conversationId);
    if (isMember) void this.#follow(socket, topic);
    else this.#unfollow(socket, topic);
  }

  /** Resolves when the socket receives changes of these users' presence. */
  async watch(socket: Socket, userIds: readonly UserId[]): Promise<void> {
    socket.data.watched ??= new Set();
    const { watched } = socket.data;
    for (const userId of userIds) {
      watched.delete(userId);
      watched.add(userId);
    }
    for (const userId of watched) {
      if (watched.size <= watchedMax) break;
      watched.delete(userId);
      this.#unfollow(socket, presenceTopic(userId));
    }
    const wanted = userIds.filter((userId) => watched.has(userId));
    await Promise.all(wanted.map((userId) => this.#follow(socket, presenceTopic(userId))));
  }

  close(): void {
    this.output.stop();
    this.#bus.detach();
  }

  /**
   * Pauses the socket's output until the bus delivers the topic. So a client that learns of the conversation, and then reads it,
   * misses nothing that is sent later.
   */
  async #follow(socket: Socket, topic: Topic): Promise<void> {
    if (socket.data.isMuted || this.#fanout.follows(socket, topic)) return;
    const interest = this.#fanout.acquire(topic);
    this.#fanout.subscribe(socket, interest);
    socket.data.pauseOutput();
    try {
      await interest.inForce;
    } catch {
      // The bus cannot deliver the topic: the client reconnects and reads the timeline.
      this.#options.close(socket, 'going_away');
    } finally {
      socket.data.resumeOutput();
      this.output.flushSoon(socket);
    }
  }

  #unfollow(socket: Socket, topic: Topic): void {
    const interest = socket.data.followed.find((followed) => followed.topic === topic);
    if (interest !== undefined) this.#fanout.unsubscribe(socket, interest);
  }

  #onEvent(event: BusEvent): void {
    switch (event.type) {
      case 'frame':
        return this.#onFrame(event);
      case 'membership':
        for (const socket of this.#socketsOf(event.topic)) this.#onMembership(socket, event);
        return;
      case 'replaced':
        for (const socket of this.#socketsOf(event.topic)) this.#onReplaced(socket, event);
        return;
      case 'revoked':
      case 'members_changed':
      case 'outcomes':
      case 'lost':
      case 'changed':
        // Their topics have other subscribers, and `lost` is reported through onLoss.
        return;
      default:
        return unreachable(event);
    }
  }

  #onPublished(characters: number, sockets: number): void {
    const { unread, meter } = this.#options;
    meter.messagesOut++;
    meter.charactersOut += characters;
    unread.published(characters, sockets);
  }

  #onFrame(event: FrameEvent): void {
    const { frame, trace } = event;
    const { meter, tracing } = this.#options;
    const { pushedOut, sends } = meter;
    const span = trace === undefined ? undefined : tracing?.within(trace, 'deliver');
    const sockets = this.#push(event);
    span?.end({ 'hongyan.connections': sockets });
    if (sockets === 0) return;
    pushedOut.add(frame, sockets);
    sends.queued(frame);
  }

  /** Returns the number of sockets. */
  #push(event: FrameEvent): number {
    if (isUserTopic(event.topic)) return this.#pushToUser(event);
    return event.topic === everyoneTopic ? this.#pushToAll(event) : this.#fanout.publish(event.topic, event.frame);
  }

  #pushToUser({ topic, frame, mayWait }: FrameEvent): number {
    const entry = this.#users.get(topic);
    if (entry === undefined) return 0;
    for (const socket of entry.sockets) {
      if (socket.data.isMuted) continue;
      if (mayWait) this.output.queueDeferred(socket, frame);
      else this.output.queue(socket, frame);
    }
    return entry.sockets.length;
  }

  /** The user's sockets in this process. */
  socketsOf(userId: UserId): readonly Socket[] {
    return this.#socketsOf(userTopic(userId));
  }

  #pushToAll(event: FrameEvent): number {
    let count = 0;
    for (const topic of this.#users.keys()) count += this.#pushToUser({ ...event, topic });
    return count;
  }

  #socketsOf(topic: Topic): readonly Socket[] {
    return this.#users.get(topic)?.sockets ?? [];
  }

  #onMembership(socket: Socket, { conversationId, isMember }: Extract<BusEvent, { type: 'membership' }>): void {
    const { state } = socket.data;
    if (state.type === 'opening') state.changes.set(conversationId, isMember);
    else if (state.type === 'open') this.changeMembership(socket, conversationId, isMember);
  }

  /** A device has one connection: a second one means that the first is dead, or that the device was copied. */
  #onReplaced(socket: Socket, { deviceId, sessionId }: Extract<BusEvent, { type: 'replaced' }>): void {
    const { state } = socket.data;
    if (state.type !== 'open' && state.type !== 'opening') return;
    if (state.caller.deviceId !== deviceId || state.caller.sessionId === sessionId) return;
    this.#options.close(socket, 'replaced');
  }

  /** Stops pushes, because the next frame would follow a gap. Requests are still answered. */
  #mute(socket: Socket): void {
    socket.data.isMuted = true;
    for (const interest of [...socket.data.followed]) this.#fanout.unsubscribe(socket, interest);
  }

  /** The bus may have lost events: clients of the affected connections reconnect and read the timeline. */
  #onLoss(topics: readonly Topic[] | undefined): void {
    this.#options.meter.busLosses++;
    const lost = topics && new Set(topics);
    const affected: Socket[] = [];
    for (const [topic, { sockets }] of this.#users) {
      for (const socket of sockets) {
        if (!lost || lost.has(topic) || socket.data.followed.some((interest) => lost.has(interest.topic)))
          affected.push(socket);
      }
    }
    for (const socket of affected) this.#mute(socket);
    this.#catchUps.begin(affected);
  }
}
