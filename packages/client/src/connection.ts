// One device's connection: opened, kept alive, and opened again until it is closed on purpose or the server says stop.

import type { Clock, Timer } from '@hongyan/base/clock';
import { type CloseAction, closeAction, closeCode } from '@hongyan/protocol/codes';
import type { Down, DownOf } from '@hongyan/protocol/down';
import type { DeviceId } from '@hongyan/protocol/ids';
import type { Up } from '@hongyan/protocol/up';
import type { ConnectionState, WebSocketConstructor, WebSocketLike } from './api.ts';
import { backOffMs, stableAfterMs } from './back-off.ts';
import { ClientError, toClientError } from './client-error.ts';
import type { NetworkSignals } from './network-signals.ts';
import { isFrame } from './wire-shapes.ts';

export interface ConnectionOptions {
  /** http(s) base address. */
  readonly url: string;
  readonly token: () => string | Promise<string>;
  readonly deviceId: DeviceId;
  readonly clientName: string | undefined;
  readonly requestTimeoutMs: number;
  readonly webSocket: WebSocketConstructor;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signals: NetworkSignals;
  /** Catches up; `online` when it resolves. A rejection drops the connection, and the next attempt follows. */
  readonly onWelcome: (welcome: DownOf<'welcome'>) => Promise<void>;
  /** Every frame that answers no request. */
  readonly onFrame: (frame: Down) => void;
  readonly onState: (state: ConnectionState) => void;
}

type Answer = DownOf<'ack' | 'sync_result' | 'history_result' | 'presence_result'>;
/** A request before it gets its id. */
type Request = Extract<Up, { id: number }> extends infer R ? (R extends { id: number } ? Omit<R, 'id'> : never) : never;
type AnswerTo<T> = T extends 'send' ? 'ack' : T extends 'sync' | 'history' | 'presence' ? `${T}_result` : never;

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: ClientError) => void;
  readonly timer: Timer;
}

type Life =
  | { readonly type: 'closed' }
  | {
      readonly type: 'connecting';
      readonly attempt: number;
      readonly timer: Timer;
      socket?: WebSocketLike;
      hasSaidHello: boolean;
      /** The server answered the hello with an error. */
      isRefused: boolean;
    }
  | {
      readonly type: 'open';
      readonly attempt: number;
      readonly socket: WebSocketLike;
      readonly sinceMs: number;
      readonly heartbeat: Timer;
      readonly requests: Map<number, Waiting>;
      /** What the server takes; beyond it a frame would have no answer, or cost the connection. */
      readonly frameBytesMax: number | undefined;
      hasHeard: boolean;
      isAsked: boolean;
      reconnectAfterMs?: number;
    }
  | { readonly type: 'waiting'; readonly attempt: number; readonly timer: Timer };

type Open = Extract<Life, { type: 'open' }>;

const connectTimeoutMs = 15_000;
const backOffBaseMs = 500;
const backOffMaxMs = 30_000;
/** "Reconnect now" to everyone at once must not mean the same millisecond. */
const reconnectSpreadMs = 300;
/** How late a network may still deliver the hello of an attempt that was given up. */
const strayMsMax = 120_000;

export class Connection {
  readonly #options: ConnectionOptions;
  #life: Life = { type: 'closed' };
  #nextId = 1;
  #stopSignals: (() => void) | undefined;
  /** Until then a hello of this device's own, given up, may reach the server after a later one. */
  #strayUntilMs = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#life.type === 'open';
  }

  /** Does nothing while it is open or on its way. */
  open(): void {
    if (this.#life.type !== 'closed') return;
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

  /** Drops an open connection that proved useless; the next attempt follows after a back-off. */
  fail(error: ClientError): void {
    if (this.#life.type === 'open') this.#lost('back_off', error);
  }

  /** Rejects with the server's refusal, or `unavailable` when no answer came: then the outcome is unknown. */
  request<R extends Request>(request: R): Promise<DownOf<AnswerTo<R['type']>>> {
    const life = this.#life;
    if (life.type !== 'open') return Promise.reject(new ClientError('unavailable', 'not connected'));
    const id = this.#nextId++;
    const text = JSON.stringify({ ...request, id });
    if (isLonger(text, life.frameBytesMax)) {
      return Promise.reject(new ClientError('too_large', `a frame is at most ${life.frameBytesMax} bytes`));
    }
    const { clock, requestTimeoutMs } = this.#options;
    return new Promise<Answer>((resolve, reject) => {
      const timer = clock.after(requestTimeoutMs, () => {
        if (this.#life === life) this.fail(new ClientError('unavailable', `no answer within ${requestTimeoutMs} ms`));
      });
      life.requests.set(id, { resolve, reject, timer });
      life.socket.send(text);
    }) as Promise<DownOf<AnswerTo<R['type']>>>;
  }

  /** For frames without an answer; false when it cannot leave now. */
  post(frame: Exclude<Up, { id: number }>): boolean {
    if (this.#life.type !== 'open') return false;
    this.#life.socket.send(JSON.stringify(frame));
    return true;
  }

  #attempt(attempt: number): void {
    const timer = this.#options.clock.after(connectTimeoutMs, () =>
      this.#lost('back_off', new ClientError('unavailable', 'the server did not answer in time')),
    );
    const life: Life = { type: 'connecting', attempt, timer, hasSaidHello: false, isRefused: false };
    this.#life = life;
    this.#options.onState({ type: 'connecting', attempt });
    Promise.resolve()
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

  #dial(life: Extract<Life, { type: 'connecting' }>, token: string): void {
    const { webSocket: WebSocket, url, deviceId, clientName } = this.#options;
    const socket = new WebSocket(socketUrl(url));
    life.socket = socket;
    socket.onopen = () => {
      life.hasSaidHello = true;
      const client = clientName === undefined ? {} : { client: clientName };
      socket.send(JSON.stringify({ type: 'hello', token, device_id: deviceId, ...client } satisfies Up));
    };
    socket.onmessage = (event: { readonly data: unknown }) => this.#receive(String(event.data));
    socket.onclose = (event: { readonly code: number }) => this.#closed(event.code);
    // A close with its code follows each error.
    socket.onerror = () => {};
  }

  /** What is not understood costs the connection: a frame passed over might have been a message. */
  #receive(text: string): void {
    try {
      const frame: unknown = JSON.parse(text);
      if (!isFrame(frame)) throw new TypeError(`unexpected: ${text.slice(0, 200)}`);
      this.#take(frame);
    } catch (cause) {
      this.#lost('back_off', new ClientError('internal', 'the server sent what is no frame', { cause }));
    }
  }

  #take(frame: Down): void {
    const life = this.#life;
    if (life.type === 'connecting') {
      if (frame.type === 'welcome') this.#welcomed(life, frame);
      else if (frame.type === 'error') life.isRefused = true;
      return;
    }
    if (life.type !== 'open') return;
    life.hasHeard = true;
    if (frame.type === 'going_away') life.reconnectAfterMs = frame.reconnect_after_ms;
    if ('id' in frame && frame.id !== undefined) this.#answer(life, frame);
    else this.#options.onFrame(frame);
  }

  #answer(life: Open, frame: Answer | DownOf<'error'>): void {
    const waiting = life.requests.get(frame.id ?? 0);
    if (!waiting) return;
    life.requests.delete(frame.id ?? 0);
    waiting.timer.cancel();
    if (frame.type === 'error') waiting.reject(new ClientError(frame.code, frame.message, retryOf(frame)));
    else waiting.resolve(frame);
  }

  #welcomed(connecting: Extract<Life, { type: 'connecting' }>, welcome: DownOf<'welcome'>): void {
    connecting.timer.cancel();
    const { clock, onState, onWelcome } = this.#options;
    const { attempt, socket } = connecting;
    if (!socket) return;
    const life: Open = {
      type: 'open',
      attempt,
      socket,
      sinceMs: clock.monotonicMs(),
      heartbeat: clock.every(welcome.heartbeat_ms, () => this.#beat(life)),
      requests: new Map(),
      frameBytesMax: welcome.limits.frame_bytes_max,
      hasHeard: true,
      isAsked: false,
    };
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

  /** [C7] An interval in which nothing was heard asks; a whole one after that without an answer means dead. Late timers give the answer more time, never less. */
  #beat(life: Open): void {
    if (life.hasHeard) {
      life.hasHeard = false;
      life.isAsked = false;
    } else if (life.isAsked) this.#lost('back_off', new ClientError('unavailable', 'the server is silent'));
    else {
      life.isAsked = true;
      this.post({ type: 'ping' });
    }
  }

  #closed(code: number): void {
    const action = this.#actionOn(code);
    if (this.#life.type === 'connecting') this.#life.socket = undefined;
    if (action === 'stop') return this.#stop(stopReason(code));
    this.#lost(action, new ClientError('unavailable', `the connection was closed (${code})`));
  }

  /** [C6] What the code asks for, unless it says less of this device than of its network. */
  #actionOn(code: number): CloseAction {
    const life = this.#life;
    // A token that was good has expired: the next attempt has a fresh one, and ends it when that is refused too.
    if (code === closeCode.unauthorized && life.type === 'open') return 'reconnect';
    // No error came before it: the hello was too late, not wrong.
    if (code === closeCode.protocol_error && life.type === 'connecting' && !life.isRefused) return 'back_off';
    // Replaced by an attempt of its own that was given up and came late: at most once for each.
    if (code === closeCode.replaced && this.#options.clock.monotonicMs() < this.#strayUntilMs) {
      this.#strayUntilMs = 0;
      return 'reconnect';
    }
    return closeAction(code);
  }

  #lost(action: 'reconnect' | 'back_off', error: ClientError): void {
    const life = this.#life;
    if (life.type === 'closed' || life.type === 'waiting') return;
    this.#leave(life, error);
    const { clock, random, onState } = this.#options;
    const wasStable = life.type === 'open' && clock.monotonicMs() - life.sinceMs >= stableAfterMs;
    const attempt = wasStable ? 0 : life.attempt + 1;
    const asked = life.type === 'open' ? life.reconnectAfterMs : undefined;
    const delayMs =
      action === 'reconnect' && attempt <= 1
        ? Math.floor(random() * (asked ?? reconnectSpreadMs))
        : backOffMs(attempt, { baseMs: backOffBaseMs, maxMs: backOffMaxMs, random });
    this.#life = { type: 'waiting', attempt, timer: clock.after(delayMs, () => this.#attempt(attempt)) };
    onState({ type: 'reconnecting', attempt, retryAtMs: clock.nowMs() + delayMs });
  }

  /** Whoever waits for the next attempt need not wait any longer. */
  #hurry(): void {
    if (this.#life.type !== 'waiting') return;
    this.#life.timer.cancel();
    this.#attempt(this.#life.attempt);
  }

  #stop(reason: Extract<ConnectionState, { type: 'closed' }>['reason']): void {
    const life = this.#life;
    if (life.type === 'closed') return;
    this.#leave(life, new ClientError('unavailable', 'the connection was closed'));
    this.#life = { type: 'closed' };
    this.#stopSignals?.();
    this.#options.onState({ type: 'closed', reason });
  }

  /** Lets go of a socket at once: a dead network could hold its close event back for minutes. */
  #leave(life: Exclude<Life, { type: 'closed' }>, error: ClientError): void {
    if (life.type !== 'open') life.timer.cancel();
    else {
      life.heartbeat.cancel();
      for (const waiting of life.requests.values()) {
        waiting.timer.cancel();
        waiting.reject(error);
      }
    }
    const socket = life.type === 'waiting' ? undefined : life.socket;
    if (!socket) return;
    if (life.type === 'connecting' && life.hasSaidHello) {
      this.#strayUntilMs = this.#options.clock.monotonicMs() + strayMsMax;
    }
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(1000);
  }
}

function socketUrl(url: string): string {
  const base = url === '' ? globalThis.location.origin : url.replace(/\/$/, '');
  return `${base.replace(/^http/, 'ws')}/v1/ws`;
}

/** UTF-8 needs at most 3 bytes for a UTF-16 unit: only texts near the limit are measured exactly. */
function isLonger(text: string, bytesMax: number | undefined): boolean {
  if (bytesMax === undefined || text.length * 3 <= bytesMax) return false;
  return new TextEncoder().encode(text).length > bytesMax;
}

const retryOf = ({ retry_after_ms }: DownOf<'error'>) =>
  retry_after_ms === undefined ? {} : { retryAfterMs: retry_after_ms };

function stopReason(code: number) {
  if (code === closeCode.unauthorized) return 'unauthorized';
  if (code === closeCode.token_revoked) return 'token_revoked';
  return code === closeCode.replaced ? 'replaced' : 'protocol_error';
}
