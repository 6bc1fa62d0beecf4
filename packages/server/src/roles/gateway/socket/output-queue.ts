// Sends queued frames at the end of the event loop's turn: the frames that one turn queued for a socket share a message, or a write.

import type { Clock, Timer } from '@hongyan/base/clock';
import { soon } from '@hongyan/base/soon';
import type { GatewayMeter } from '../meter.ts';
import { bundle } from './bundle.ts';
import { openState, type Socket } from './socket.ts';
import type { UnreadOutput } from './unread-output.ts';

export interface OutputQueueOptions {
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
  readonly meter: GatewayMeter;
  readonly unread: UnreadOutput;
  /** Called at each flush, after the frames of single sockets. */
  readonly onFlush: () => void;
}

/** A frame that may wait is sent with the next frame for the socket, at the latest after this time. */
const deferralMs = 250;

export class OutputQueue {
  readonly #options: OutputQueueOptions;
  /** Sockets with `isFlushPending`. */
  #dirty: Socket[] = [];
  /** Sockets whose queue had only frames that may wait. Meanwhile some may have been flushed or closed. */
  #deferred: Socket[] = [];
  #deferralTimer: Timer | undefined;
  #isScheduled = false;

  constructor(options: OutputQueueOptions) {
    this.#options = options;
  }

  /** Sent at the end of the turn; while the socket's output is paused, after it resumes. */
  queue(socket: Socket, frame: string): void {
    socket.data.queue(frame);
    this.flushSoon(socket);
  }

  /** Sent with the next frame for this socket, at the latest after `deferralMs`. */
  queueDeferred(socket: Socket, frame: string): void {
    if (!socket.data.hasQueued) this.#deferred.push(socket);
    socket.data.queue(frame);
    this.#deferralTimer ??= this.#options.clock.after(deferralMs, () => this.#flushDeferred());
  }

  /** Schedules queued frames, unless the socket's output is paused. */
  flushSoon(socket: Socket): void {
    if (socket.data.isOutputPaused || socket.data.isFlushPending) return;
    socket.data.isFlushPending = true;
    this.#dirty.push(socket);
    this.schedule();
  }

  /** Schedules a flush at the end of the turn. */
  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    soon(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }

  /** Sends queued frames at once, as before a close. */
  flush(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const socket of dirty) {
      socket.data.isFlushPending = false;
      if (!socket.data.isOutputPaused) this.#send(socket);
    }
    const { meter, clock, onFlush } = this.#options;
    onFlush();
    if (meter.sends.isSeen) meter.sends.flushed(clock.monotonicMs());
  }

  stop(): void {
    this.#deferralTimer?.cancel();
  }

  #flushDeferred(): void {
    const sockets = this.#deferred;
    this.#deferred = [];
    this.#deferralTimer = undefined;
    for (const socket of sockets) if (socket.data.hasQueued) this.flushSoon(socket);
  }

  #send(socket: Socket): void {
    const frames = socket.data.take();
    if (frames === undefined || socket.readyState !== openState) return;
    const texts = socket.data.takesBundles ? bundle(frames) : frames;
    let characters = 0;
    for (const text of texts) characters += text.length;
    const { meter, clock, unread } = this.#options;
    meter.messagesOut += texts.length;
    meter.charactersOut += characters;
    if (texts.length === 1) socket.send(texts[0] ?? '');
    else
      socket.cork(() => {
        for (const text of texts) socket.send(text);
      });
    socket.data.lastSentMs = clock.monotonicMs();
    unread.sent(socket, characters);
  }
}
