// Liveness: sends at least one message per interval, closes idle peers and connections without a hello, and terminates closes that hang.

import { unreachable } from '@hongyan/base/assert';
import type { Clock, Timer } from '@hongyan/base/clock';
import type { CloseReason } from '@hongyan/protocol/codes';
import type { Socket } from './socket.ts';
import type { UnreadOutput } from './unread-output.ts';

export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly helloTimeoutMs: number;
  readonly sockets: ReadonlySet<Socket>;
  readonly awaitingHello: ReadonlySet<Socket>;
  readonly unread: UnreadOutput;
  readonly close: (socket: Socket, reason: CloseReason) => void;
}

const sweepsPerInterval = 4;

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #sweepMs: number;
  readonly #timers: Timer[];

  constructor(options: HeartbeatOptions) {
    const { clock, intervalMs, helloTimeoutMs } = options;
    this.#options = options;
    this.#sweepMs = Math.max(50, intervalMs / sweepsPerInterval);
    this.#timers = [
      clock.every(this.#sweepMs, () => this.#sweep()),
      clock.every(Math.max(50, Math.min(1000, helloTimeoutMs / 4)), () => this.#sweepHello()),
    ];
  }

  stop(): void {
    for (const timer of this.#timers) timer.cancel();
  }

  #sweep(): void {
    const { clock, sockets, unread } = this.#options;
    unread.measure();
    const nowMs = clock.monotonicMs();
    const wallMs = clock.nowMs();
    for (const socket of sockets) this.#check(socket, nowMs, wallMs);
  }

  #check(socket: Socket, nowMs: number, wallMs: number): void {
    const { intervalMs, close } = this.#options;
    const { state, lastHeardMs } = socket.data;
    switch (state.type) {
      case 'closing':
        if (nowMs - state.sinceMs > intervalMs / 2) socket.terminate();
        return;
      case 'open':
        if (state.expiresAtMs <= wallMs) return close(socket, 'unauthorized');
        break;
      case 'awaiting_hello':
      case 'checking':
      case 'opening':
        break;
      case 'closed':
        return;
      default:
        return unreachable(state);
    }
    if (nowMs - lastHeardMs > 2 * intervalMs) close(socket, 'idle');
    else this.#ping(socket, nowMs);
  }

  /**
   * A proxy may time out each direction separately, so a ping is sent before this side was idle for an interval, whatever the peer
   * sends. An idle peer is pinged too, because only its pong shows that it lives.
   */
  #ping(socket: Socket, nowMs: number): void {
    const { lastSentMs, lastHeardMs } = socket.data;
    const isOutputIdle = nowMs - lastSentMs > this.#options.intervalMs - this.#sweepMs;
    if (!isOutputIdle && nowMs - lastHeardMs <= this.#options.intervalMs) return;
    socket.data.lastSentMs = nowMs;
    socket.ping();
  }

  /** Pings and pongs do not extend the time-out of the hello. */
  #sweepHello(): void {
    const { clock, awaitingHello, helloTimeoutMs, close } = this.#options;
    const nowMs = clock.monotonicMs();
    for (const socket of awaitingHello) {
      const { state } = socket.data;
      if (state.type === 'awaiting_hello' && nowMs - state.sinceMs >= helloTimeoutMs) close(socket, 'protocol_error');
    }
  }
}
