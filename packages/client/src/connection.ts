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
import { type AnswerTo, type Request, Requests } from './requests.ts';
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
      readonly requests: Requests;
      hasHeard: boolean;
      isAsked: boolean;
      probe?: Timer;
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
  #stopSignals: (() => void) | undefined;
  /** Hellos of its own that were given up: until then each may still reach the server, after a later one. */
  #straysUntilMs: number[] = [];
  /** An earlier run may have left one too: once in this time it is taken for that. */
  #hasReturnedUntilMs = 0;

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
    if (this.#life.type !== 'open') return Promise.reject(new ClientError('unavailable', 'not connected'));
    return this.#life.requests.ask(request) as Promise<DownOf<AnswerTo<R['type']>>>;
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
    life.probe?.cancel();
    if (frame.type === 'going_away') life.reconnectAfterMs = frame.reconnect_after_ms;
    if ('id' in frame && frame.id !== undefined) life.requests.answer(frame);
    else this.#options.onFrame(frame);
  }

  #welcomed(connecting: Extract<Life, { type: 'connecting' }>, welcome: DownOf<'welcome'>): void {
    connecting.timer.cancel();
    const { clock, requestTimeoutMs, onState, onWelcome } = this.#options;
    const { attempt, socket } = connecting;
    if (!socket) return;
    const life: Open = {
      type: 'open',
      attempt,
      socket,
      sinceMs: clock.monotonicMs(),
      heartbeat: clock.every(welcome.heartbeat_ms, () => this.#beat(life)),
      requests: new Requests({
        clock,
        timeoutMs: requestTimeoutMs,
        frameBytesMax: welcome.limits.frame_bytes_max,
        send: (text) => socket.send(text),
        onSilence: (error) => this.fail(error),
      }),
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
    if (code === closeCode.replaced && this.#mayBeOwn()) return 'reconnect';
    return closeAction(code);
  }

  #straysNow(): number[] {
    const now = this.#options.clock.monotonicMs();
    return this.#straysUntilMs.filter((untilMs) => now < untilMs);
  }

  /**
   * Replaced by a hello of this very device that the network had held back, of this run or an earlier one? Coming back
   * tells: a stray is replaced for good; another client that lives comes back as well, and then this one gives way to it.
   */
  #mayBeOwn(): boolean {
    const now = this.#options.clock.monotonicMs();
    const [stray, ...others] = this.#straysNow();
    this.#straysUntilMs = others;
    if (stray !== undefined) return true;
    if (now < this.#hasReturnedUntilMs) return false;
    this.#hasReturnedUntilMs = now + strayMsMax;
    return true;
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

  /** Whoever waits for the next attempt need not wait any longer; a connection must show that it outlived what was. */
  #hurry(): void {
    const life = this.#life;
    if (life.type === 'open') this.#probe(life);
    if (life.type !== 'waiting') return;
    life.timer.cancel();
    this.#attempt(life.attempt);
  }

  /** [C7] Networks change while a page is not looked at, and sockets do not notice. */
  #probe(life: Open): void {
    const { clock, requestTimeoutMs } = this.#options;
    life.probe?.cancel();
    this.post({ type: 'ping' });
    life.probe = clock.after(requestTimeoutMs, () => this.fail(new ClientError('unavailable', 'the server is silent')));
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
      life.probe?.cancel();
      life.requests.rejectAll(error);
    }
    const socket = life.type === 'waiting' ? undefined : life.socket;
    if (!socket) return;
    if (life.type === 'connecting' && life.hasSaidHello) {
      this.#straysUntilMs = [...this.#straysNow(), this.#options.clock.monotonicMs() + strayMsMax];
    }
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(1000);
  }
}

function socketUrl(url: string): string {
  const base = url === '' ? globalThis.location.origin : url.replace(/\/$/, '');
  return `${base.replace(/^http/, 'ws')}/v1/ws`;
}

function stopReason(code: number) {
  if (code === closeCode.unauthorized) return 'unauthorized';
  if (code === closeCode.token_revoked) return 'token_revoked';
  return code === closeCode.replaced ? 'replaced' : 'protocol_error';
}
