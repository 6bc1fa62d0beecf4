// The sessions of this gateway: which sockets a user has, which topics they follow, and what the bus delivers to them.

import { unreachable } from '@hongyan/base/assert';
import type { Clock, Timer } from '@hongyan/base/clock';
import type { Random } from '@hongyan/base/random';
import { soon } from '@hongyan/base/soon';
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
import { bundle } from './bundle.ts';
import { CatchUps } from './catch-ups.ts';
import type { Interest } from './interest.ts';
import { openState, type Publisher, type Socket } from './socket.ts';
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
  /** Notices to everyone will not arrive. */
  readonly onNotSubscribed: (error: unknown) => void;
  readonly close: (socket: Socket, reason: CloseReason) => void;
}

/** Presence of at most this many users is followed by one connection; further ones are answered but not followed. */
const watchedMax = 1000;

/** What may wait does so for this long, unless something else leaves for the socket. */
const laterMs = 250;

type FrameEvent = Extract<BusEvent, { type: 'frame' }>;

interface UserEntry {
  readonly inForce: Promise<void>;
  sockets: Socket[];
}

/**
 * Frames of a user are queued per socket and leave at the end of the turn; frames of a conversation or of presence are published
 * once by the fan-out, and the socket layer hands the same bytes to every subscriber.
 */
export class SessionTable {
  readonly #options: SessionTableOptions;
  readonly #bus: BusAttachment;
  readonly #fanout: TopicFanout;
  readonly #catchUps: CatchUps;
  readonly #users = new Map<Topic, UserEntry>();
  #dirty: Socket[] = [];
  /** Sockets with nothing queued but what may wait; some of them have left or been sent to since. */
  #later: Socket[] = [];
  #laterTimer: Timer | undefined;
  #isScheduled = false;

  constructor(options: SessionTableOptions) {
    this.#options = options;
    this.#catchUps = new CatchUps({ ...options, close: (socket) => options.close(socket, 'going_away') });
    this.#bus = options.bus.attach({
      onEvent: (event) => this.#onEvent(event),
      onLoss: (topics) => this.#onLoss(topics),
    });
    // A connection that is opened when this is not in force yet is told by the core of what was published before.
    this.#bus.subscribe([everyoneTopic]).catch(options.onNotSubscribed);
    this.#fanout = new TopicFanout({
      bus: this.#bus,
      publisher: options.publisher,
      onFirstQueued: () => this.#schedule(),
      onPublished: (bytes, sockets) => this.#onPublished(bytes, sockets),
    });
  }

  get userCount(): number {
    return this.#users.size;
  }

  get topicCount(): number {
    return this.#fanout.topicCount;
  }

  /** Resolves when events of the user reach the socket. */
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
   * Resolves when the bus delivers these conversations; `attach` then lets them through to the socket. Rejects, and reserves
   * nothing, when one of them could not be subscribed.
   */
  async reserve(conversationIds: readonly ConversationId[]): Promise<readonly Interest[]> {
    const interests = conversationIds.map((conversationId) => this.#fanout.reserve(conversationTopic(conversationId)));
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

  attach(socket: Socket, interests: readonly Interest[]): void {
    for (const interest of interests) {
      if (socket.data.isMuted || this.#fanout.follows(socket, interest.topic)) this.#fanout.release(interest);
      else this.#fanout.attach(socket, interest);
    }
  }

  /** The conversation was joined or left while the connection was open. */
  changeMembership(socket: Socket, conversationId: ConversationId, isMember: boolean): void {
    const topic = conversationTopic(conversationId);
    if (isMember) void this.#follow(socket, topic);
    else this.#unfollow(socket, topic);
  }

  /** Resolves when changes of the presence of these users reach the socket. Beyond the bound those asked for longest ago give way. */
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

  /** Leaves at the end of the turn, together with everything else for this socket; while the connection is held, after that. */
  queue(socket: Socket, frame: string): void {
    socket.data.queue(frame);
    if (!socket.data.isHeld) this.#markDirty(socket);
  }

  /** Leaves with the next frame for this socket, or when a timer says so. */
  #queueForLater(socket: Socket, frame: string): void {
    if (!socket.data.hasQueued) this.#later.push(socket);
    socket.data.queue(frame);
    this.#laterTimer ??= this.#options.clock.after(laterMs, () => {
      const sockets = this.#later;
      this.#later = [];
      this.#laterTimer = undefined;
      for (const later of sockets) if (later.data.hasQueued && !later.data.isHeld) this.#markDirty(later);
    });
  }

  /** The connection is held no longer: what was queued leaves. */
  unhold(socket: Socket): void {
    if (!socket.data.isHeld) this.#markDirty(socket);
  }

  /** What is queued leaves now, as before a close. */
  flush(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const socket of dirty) {
      socket.data.isLeaving = false;
      if (!socket.data.isHeld) this.#send(socket);
    }
    this.#fanout.flush();
    const { meter, clock } = this.#options;
    if (meter.sends.isSeen) meter.sends.left(clock.monotonicMs());
  }

  detach(): void {
    this.#laterTimer?.cancel();
    this.#bus.detach();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    soon(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }

  #markDirty(socket: Socket): void {
    if (socket.data.isLeaving) return;
    socket.data.isLeaving = true;
    this.#dirty.push(socket);
    this.#schedule();
  }

  #send(socket: Socket): void {
    const frames = socket.data.take();
    if (frames === undefined || socket.readyState !== openState) return;
    const texts = socket.data.takesBundles ? bundle(frames) : frames;
    let bytes = 0;
    for (const text of texts) bytes += text.length;
    this.#options.meter.messagesOut += texts.length;
    this.#options.meter.charactersOut += bytes;
    if (texts.length === 1) socket.send(texts[0] ?? '');
    else
      socket.cork(() => {
        for (const text of texts) socket.send(text);
      });
    socket.data.lastSentMs = this.#options.clock.monotonicMs();
    this.#options.unread.sent(socket, bytes);
  }

  /**
   * Until the bus delivers the topic, nothing leaves for the socket: a client that learns of the conversation and reads it then
   * misses nothing that is sent after.
   */
  async #follow(socket: Socket, topic: Topic): Promise<void> {
    if (socket.data.isMuted || this.#fanout.follows(socket, topic)) return;
    const interest = this.#fanout.reserve(topic);
    this.#fanout.attach(socket, interest);
    socket.data.hold();
    try {
      await interest.inForce;
    } catch {
      // The bus cannot deliver the topic: the client reconnects and reads the timeline.
      this.#options.close(socket, 'going_away');
    } finally {
      socket.data.unhold();
      this.unhold(socket);
    }
  }

  #unfollow(socket: Socket, topic: Topic): void {
    const interest = socket.data.followed.find((followed) => followed.topic === topic);
    if (interest !== undefined) this.#fanout.detach(socket, interest);
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
        // Of a topic that is not followed here, or heard as a loss.
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

  /** Returns to how many sockets. */
  #push(event: FrameEvent): number {
    if (isUserTopic(event.topic)) return this.#pushToUser(event);
    return event.topic === everyoneTopic ? this.#pushToAll(event) : this.#fanout.publish(event.topic, event.frame);
  }

  #pushToUser({ topic, frame, mayWait }: FrameEvent): number {
    const entry = this.#users.get(topic);
    if (entry === undefined) return 0;
    for (const socket of entry.sockets) {
      if (socket.data.isMuted) continue;
      if (mayWait) this.#queueForLater(socket, frame);
      else this.queue(socket, frame);
    }
    return entry.sockets.length;
  }

  /** Of the user, here. */
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

  /** A device has one connection: a second one means that the first is dead or a copy. */
  #onReplaced(socket: Socket, { deviceId, sessionId }: Extract<BusEvent, { type: 'replaced' }>): void {
    const { state } = socket.data;
    if (state.type !== 'open' && state.type !== 'opening') return;
    if (state.caller.deviceId !== deviceId || state.caller.sessionId === sessionId) return;
    this.#options.close(socket, 'replaced');
  }

  /** Nothing is pushed to it any more: what comes now would stand behind a gap. Its requests are answered. */
  #mute(socket: Socket): void {
    socket.data.isMuted = true;
    for (const interest of [...socket.data.followed]) this.#fanout.detach(socket, interest);
  }

  /** The bus may have lost events: the connections concerned reconnect and read the timeline. */
  #onLoss(topics: readonly Topic[] | undefined): void {
    this.#options.meter.busLosses++;
    const lost = topics && new Set(topics);
    const concerned: Socket[] = [];
    for (const [topic, { sockets }] of this.#users) {
      for (const socket of sockets) {
        if (!lost || lost.has(topic) || socket.data.followed.some((interest) => lost.has(interest.topic)))
          concerned.push(socket);
      }
    }
    for (const socket of concerned) this.#mute(socket);
    this.#catchUps.begin(concerned);
  }
}
