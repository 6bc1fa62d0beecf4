// One device's connection: opened, kept alive, and opened again until it is closed on purpose or the server refuses the device.

import { backOffMs } from '@hongyan/base/back-off';
import type { Clock, Timer } from '@hongyan/base/clock';
import { type CloseAction, closeAction, closeCode } from '@hongyan/protocol/codes';
import type { Down, DownOf } from '@hongyan/protocol/down';
import type { DeviceId } from '@hongyan/protocol/ids';
import type { Input, Output } from '@hongyan/protocol/operations/operations';
import type { UpOf } from '@hongyan/protocol/up';
import type { ConnectionState } from './api.ts';
import { ClientError, toClientError } from './client-error.ts';
import type { WebSocketLike } from './client-options.ts';
import type { NetworkSignals } from './network-signals.ts';
import { OpenSocket } from './open-socket.ts';
import { patiently } from './patiently.ts';
import type { RequestName } from './requests.ts';
import { StrayHellos } from './stray-hellos.ts';
import { readFrames } from './wire-shapes.ts';

/** A connection that lasted this long was good: after its loss, attempts count from 0 again. */
const stableAfterMs = 5_000;

export interface ConnectionOptions {
  /** http(s) base address. */
  readonly url: string;
  readonly token: () => string | Promise<string>;
  readonly deviceId: DeviceId;
  readonly clientName: string | undefined;
  readonly requestTimeoutMs: number;
  readonly sockets: Sockets;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signals: NetworkSignals;
  /** Catches up; `online` when it resolves. A rejection drops the connection, and the next attempt follows. */
  readonly onWelcome: (welcome: DownOf<'welcome'>) => Promise<void>;
  /** Every frame that answers no request. */
  readonly onFrame: (frame: Down) => void;
  readonly onState: (state: ConnectionState) => void;
  readonly onGoingAway: (reconnectAfterMs: number) => void;
}

/** Where sockets come from. */
export interface Sockets {
  /** Before each attempt. */
  ready(): Promise<void>;
  open(url: string): WebSocketLike;
  /** Of a socket; the others follow. */
  firstRequestId(): number;
}

interface Connecting {
  readonly type: 'connecting';
  readonly attempt: number;
  readonly timer: Timer;
  socket?: WebSocketLike;
  hasSentHello: boolean;
  /** The server answered the hello with an error. */
  isRefused: boolean;
  /** What that said. */
  retryAfterMs?: number | undefined;
}

interface Open {
  readonly type: 'open';
  readonly attempt: number;
  readonly sinceMs: number;
  readonly socket: WebSocketLike;
  readonly open: OpenSocket;
  reconnectAfterMs?: number;
}

type Life =
  | { readonly type: 'closed' }
  | Connecting
  | Open
  | { readonly type: 'waiting'; readonly attempt: number; readonly timer: Timer };

/** Frames that have no answer. */
export type Post = UpOf<'delivered'> | UpOf<'read'> | UpOf<'typing'>;
type ClosedReason = Extract<ConnectionState, { type: 'closed' }>['reason'];

const connectTimeoutMs = 15_000;
const backOffBaseMs = 500;
const backOffMaxMs = 30_000;
/** After 4101: the device asked for too much, and so long the server gets nothing from it. */
const tooFastMs = 1_000;
/** "Reconnect now" to all clients at once must not mean the same millisecond. */
const reconnectSpreadMs = 300;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #strays: StrayHellos;
  #life: Life = { type: 'closed' };
  #stopSignals: (() => void) | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#strays = new StrayHellos(options.clock);
  }

  get isOpen(): boolean {
    return this.#life.type === 'open';
  }

  /** Ends the wait for the next attempt; does nothing while it is open or on its way. */
  open(): void {
    if (this.#life.type !== 'closed') return this.#hurry();
    const { signals } = this.#options;
    const stops = [
      signals.onHopeful(() => this.#hurry()),
      signals.onOffline(() => this.#lost('back_off', new ClientError('unavailable', 'the network is gone'))),
    ];
    this.#stopSignals = () => {
      for (const stop of stops) stop();
    };
    this.#attempt(0);
  }

  /** [C6] On purpose: no attempt follows. */
  close(): void {
    this.#stop('on_purpose');
  }

  /** The token is not that of this client's user. No attempt follows. */
  refuse(message: string): void {
    this.#stop('unauthorized', message);
  }

  /** Drops an open connection that proved useless; the next attempt follows after a back-off. */
  fail(error: ClientError): void {
    if (this.#life.type === 'open') this.#lost('back_off', error);
  }

  /** Another socket is to be used from now on. */
  redial(): void {
    // [C6] A replacement that comes now is of the tab that opened the other.
    this.#strays.add();
    this.#lost('reconnect', new ClientError('unavailable', 'another tab has the connection now'));
    this.#hurry();
  }

  /** Rejects with the server's refusal, or `unavailable` when no answer came: then the outcome is unknown. */
  async requestOnce<N extends RequestName>(name: N, input: Input<N>): Promise<Output<N>> {
    if (this.#life.type !== 'open') throw new ClientError('unavailable', 'not connected');
    return this.#life.open.requests.ask(name, input);
  }

  /** [C12] The same; beyond the rate it waits, as long as this connection lasts. */
  async request<N extends RequestName>(name: N, input: Input<N>): Promise<Output<N>> {
    if (this.#life.type !== 'open') return this.requestOnce(name, input);
    const { requests, signal } = this.#life.open;
    return patiently({ ...this.#options, signal }, () => requests.ask(name, input));
  }

  /** false when it cannot leave now. */
  post(frame: Post): boolean {
    if (this.#life.type !== 'open') return false;
    this.#life.open.send(JSON.stringify(frame));
    return true;
  }

  #attempt(attempt: number): void {
    const timer = this.#options.clock.after(connectTimeoutMs, () =>
      this.#lost('back_off', new ClientError('unavailable', 'the server did not answer in time')),
    );
    const life: Connecting = { type: 'connecting', attempt, timer, hasSentHello: false, isRefused: false };
    this.#life = life;
    this.#options.onState({ type: 'connecting', attempt });
    Promise.resolve()
      .then(() => this.#options.sockets.ready())
      .then(() => this.#options.token())
      .then((token) => {
        if (this.#life === life) this.#dial(life, token);
      })
      .catch((error: unknown) => {
        if (this.#life !== life) return;
        const failure = toClientError(error);
        if (failure.code === 'unauthorized' || failure.code === 'token_revoked') this.#stop(failure.code);
        else this.#lost('back_off', failure);
      });
  }

  #dial(life: Connecting, token: string): void {
    const { sockets, url, deviceId, clientName } = this.#options;
    const socket = sockets.open(socketUrl(url));
    life.socket = socket;
    socket.onopen = () => {
      life.hasSentHello = true;
      const hello: UpOf<'hello'> = { type: 'hello', token, device_id: deviceId, bundles: true, client: clientName };
      socket.send(JSON.stringify(hello));
    };
    socket.onmessage = (event: { readonly data: unknown }) => this.#receive(socket, String(event.data));
    socket.onclose = (event: { readonly code: number }) => this.#closed(event.code);
    // A close event with its code follows each error.
    socket.onerror = () => {};
  }

  /** A message that is not understood costs the connection: to ignore it could lose an entry. */
  #receive(socket: WebSocketLike, text: string): void {
    try {
      for (const frame of readFrames(text)) {
        // A frame of the bundle may have ended the connection.
        if ('socket' in this.#life && this.#life.socket === socket) this.#take(frame);
      }
    } catch (cause) {
      this.#lost('back_off', new ClientError('internal', 'the server sent a message that is not a frame', { cause }));
    }
  }

  #take(frame: Down): void {
    const life = this.#life;
    if (life.type === 'connecting') {
      if (frame.type === 'welcome') this.#welcomed(life, frame);
      else if (frame.type === 'error') {
        life.isRefused = true;
        life.retryAfterMs = frame.retry_after_ms;
      }
      return;
    }
    if (life.type !== 'open') return;
    life.open.keepAlive.received();
    if (frame.type === 'going_away') {
      life.reconnectAfterMs = frame.reconnect_after_ms;
      this.#options.onGoingAway(frame.reconnect_after_ms);
    }
    if ('id' in frame && frame.id !== undefined) life.open.requests.answer(frame);
    else this.#options.onFrame(frame);
  }

  #welcomed({ timer, attempt, socket }: Connecting, welcome: DownOf<'welcome'>): void {
    timer.cancel();
    if (!socket) return;
    const { clock, requestTimeoutMs, sockets, onState, onWelcome } = this.#options;
    const open = new OpenSocket({
      ...{ socket, welcome, clock, requestTimeoutMs },
      firstRequestId: sockets.firstRequestId(),
      onDead: (error) => this.fail(error),
    });
    const life: Open = { type: 'open', attempt, sinceMs: clock.monotonicMs(), socket, open };
    this.#life = life;
    onState({ type: 'catching_up' });
    onWelcome(welcome).then(
      () => {
        if (this.#life === life) onState({ type: 'online' });
      },
      (error: unknown) => {
        if (this.#life === life) this.fail(toClientError(error));
      },
    );
  }

  #closed(code: number): void {
    const action = this.#actionOn(code);
    if (this.#life.type === 'connecting') this.#life.socket = undefined;
    if (action === 'stop') return this.#stop(stopReason(code));
    const error = new ClientError('unavailable', `the connection was closed (${code})`);
    this.#lost(action, error, code === closeCode.rate_limited ? tooFastMs : 0);
  }

  /** [C6] What the code asks for, unless its cause may be the network and not this device. */
  #actionOn(code: number): CloseAction {
    const life = this.#life;
    // A valid token has expired: the next attempt takes a fresh token, and stops when that is refused too.
    if (code === closeCode.unauthorized && life.type === 'open') return 'reconnect';
    // Without an error before it, the hello was too late, not wrong.
    if (code === closeCode.protocol_error && life.type === 'connecting' && !life.isRefused) return 'back_off';
    if (code === closeCode.replaced && this.#strays.takeReplacement()) return 'reconnect';
    return closeAction(code);
  }

  #lost(action: 'reconnect' | 'back_off', error: ClientError, delayMinMs = 0): void {
    const life = this.#life;
    if (life.type === 'closed' || life.type === 'waiting') return;
    this.#leave(life, error);
    const { clock, random, onState } = this.#options;
    const wasStable = life.type === 'open' && clock.monotonicMs() - life.sinceMs >= stableAfterMs;
    const attempt = wasStable ? 0 : life.attempt + 1;
    // A server that goes away gives each client a moment of its own.
    const givenMs = life.type === 'open' ? life.reconnectAfterMs : undefined;
    const toldMs = life.type === 'connecting' ? (life.retryAfterMs ?? 0) : 0;
    const ownMs =
      action === 'reconnect' && attempt <= 1
        ? (givenMs ?? Math.floor(random() * reconnectSpreadMs))
        : backOffMs(attempt, { baseMs: backOffBaseMs, maxMs: backOffMaxMs, random });
    const delayMs = Math.max(delayMinMs, toldMs) + ownMs;
    this.#life = { type: 'waiting', attempt, timer: clock.after(delayMs, () => this.#attempt(attempt)) };
    onState({ type: 'reconnecting', attempt, retryAtMs: clock.nowMs() + delayMs });
  }

  /** A waiting attempt starts now; an open connection must prove that it is still alive. */
  #hurry(): void {
    const life = this.#life;
    if (life.type === 'open') life.open.keepAlive.probe(this.#options.requestTimeoutMs);
    if (life.type !== 'waiting') return;
    life.timer.cancel();
    this.#attempt(life.attempt);
  }

  #stop(reason: ClosedReason, message?: string): void {
    const life = this.#life;
    if (life.type === 'closed') return;
    this.#leave(life, new ClientError('unavailable', 'the connection was closed'));
    this.#life = { type: 'closed' };
    this.#stopSignals?.();
    this.#options.onState({ type: 'closed', reason, ...(message !== undefined && { message }) });
  }

  /** Lets go of a socket at once: a dead network could hold its close event back for minutes. */
  #leave(life: Exclude<Life, { type: 'closed' }>, error: ClientError): void {
    if (life.type === 'open') life.open.end(error);
    else life.timer.cancel();
    const socket = life.type === 'waiting' ? undefined : life.socket;
    if (!socket) return;
    if (life.type === 'connecting' && life.hasSentHello) this.#strays.add();
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(1000);
  }
}

function socketUrl(url: string): string {
  const base = url === '' ? globalThis.location.origin : url.replace(/\/$/, '');
  return `${base.replace(/^http/, 'ws')}/v1/ws`;
}

function stopReason(code: number): ClosedReason {
  if (code === closeCode.unauthorized) return 'unauthorized';
  if (code === closeCode.token_revoked) return 'token_revoked';
  return code === closeCode.replaced ? 'replaced' : 'protocol_error';
}
