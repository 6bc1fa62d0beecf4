// Serves WebSocket connections: hello, frames, close. `onClose` frees everything that a connection holds.

import { assert, unreachable } from '@hongyan/base/assert';
import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { Random } from '@hongyan/base/random';
import type { CloseReason } from '@hongyan/protocol/codes';
import type { Limits } from '@hongyan/protocol/down';
import type { OperationSpec } from '@hongyan/protocol/operations/operation';
import { type Input, type OperationName, operations } from '@hongyan/protocol/operations/operations';
import { parseFrame } from '@hongyan/protocol/parse';
import { failure, type Problem, refusal } from '@hongyan/protocol/refusals';
import { operationOfUp, type Up, type UpOf } from '@hongyan/protocol/up';
import type { Revocation, TokenFacts } from '../../../domain/revocation.ts';
import type { Core, DeviceCaller } from '../../../ports/core/core.ts';
import type { EventBus } from '../../../ports/event-bus/event-bus.ts';
import type { Tracing } from '../../../tracing/tracing.ts';
import type { GatewayMeter } from '../meter.ts';
import type { Answer, Pipeline } from '../pipeline.ts';
import { Allowances } from './allowances.ts';
import { isBundle, unbundle } from './bundle.ts';
import type { Connection } from './connection.ts';
import { ConnectionDrain } from './connection-drain.ts';
import { DeferredReceipts, type ReceiptName } from './deferred-receipts.ts';
import { answerFrame, errorFrame, pongFrame } from './frames.ts';
import { Heartbeat } from './heartbeat.ts';
import { SessionOpener } from './session-opener.ts';
import { SessionTable } from './session-table.ts';
import { closeSocket, logFieldsOf, type Publisher, type Socket } from './socket.ts';
import { UnreadOutput } from './unread-output.ts';

export interface SocketLimits {
  readonly heartbeatMs: number;
  readonly helloTimeoutMs: number;
  readonly frameBytesMax: number;
  /** Unread output of one connection; beyond it the connection is closed as a slow consumer. */
  readonly backlogBytesMax: number;
  /** The same for all connections together. */
  readonly totalBacklogBytesMax: number;
  readonly inFlightMax: number;
}

export interface SocketServerOptions {
  readonly core: Core;
  readonly bus: EventBus;
  readonly pipeline: Pipeline;
  readonly tracing?: Tracing | undefined;
  readonly publisher: Publisher;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly meter: GatewayMeter;
  readonly node: string;
  readonly newSessionId: () => string;
  /** Answers from memory. */
  readonly isRevoked: (token: TokenFacts) => boolean;
  readonly limits: SocketLimits;
  /** Sent in `welcome`. */
  readonly wireLimits: Limits;
  /** Called once for each connection that was opened. */
  readonly onClosed?: (connection: Connection) => void;
}

type RequestFrame = Exclude<Up, { readonly type: 'hello' | 'ping' }>;

/** Deferred receipts of one connection; further ones are refused. */
const deferredReceiptsMax = 256;

export class SocketServer {
  readonly #options: SocketServerOptions;
  readonly #sockets = new Set<Socket>();
  readonly #awaitingHello = new Set<Socket>();
  readonly #unread: UnreadOutput;
  readonly #table: SessionTable;
  readonly #opener: SessionOpener;
  readonly #heartbeat: Heartbeat;
  readonly #drain: ConnectionDrain;
  #openedCount = 0;
  readonly #deferred: DeferredReceipts;
  readonly #allowances: Allowances;

  constructor(options: SocketServerOptions) {
    const { clock, random, limits, bus, publisher, meter } = options;
    const close = (socket: Socket, reason: CloseReason) => this.#close(socket, reason);
    this.#options = options;
    this.#allowances = new Allowances(clock, limits.inFlightMax);
    this.#unread = new UnreadOutput({
      connectionBytesMax: limits.backlogBytesMax,
      totalBytesMax: limits.totalBacklogBytesMax,
      sockets: () => this.#sockets,
      close,
    });
    this.#table = new SessionTable({
      tracing: options.tracing,
      bus,
      publisher,
      meter,
      unread: this.#unread,
      clock,
      random,
      onNotSubscribed: (error) => options.log.error('topic of notices not subscribed', { error }),
      close,
    });
    this.#opener = new SessionOpener({
      ...options,
      table: this.#table,
      onFrame: (socket, text) => this.#onFrame(socket, text),
      close,
    });
    this.#deferred = new DeferredReceipts({
      clock,
      perConnectionMax: deferredReceiptsMax,
      submit: (socket, name, input) => this.#submitDeferred(socket, name, input),
    });
    this.#heartbeat = new Heartbeat({
      clock,
      intervalMs: limits.heartbeatMs,
      helloTimeoutMs: limits.helloTimeoutMs,
      sockets: this.#sockets,
      awaitingHello: this.#awaitingHello,
      unread: this.#unread,
      close,
    });
    this.#drain = new ConnectionDrain({
      ...{ sockets: this.#sockets, clock, random },
      flush: () => this.#table.output.flush(),
      close: (socket) => close(socket, 'going_away'),
    });
  }

  get connectionCount(): number {
    return this.#sockets.size;
  }

  /** Returns false when the session has no connection here. */
  closeSession(sessionId: string): boolean {
    for (const socket of this.#sockets) {
      const { state } = socket.data;
      if (state.type !== 'open' || state.caller.sessionId !== sessionId) continue;
      this.#close(socket, 'going_away');
      return true;
    }
    return false;
  }

  /** In the order of opening. */
  get sockets(): Iterable<Socket> {
    return this.#sockets;
  }

  *callers(): Iterable<DeviceCaller> {
    for (const { data } of this.#sockets) if (data.caller) yield data.caller;
  }

  get awaitingHelloCount(): number {
    return this.#awaitingHello.size;
  }

  get runningCount(): number {
    return this.#options.pipeline.runningCount;
  }

  get userCount(): number {
    return this.#table.userCount;
  }

  get topicCount(): number {
    return this.#table.topicCount;
  }

  get unreadBytes(): number {
    return this.#unread.estimateBytes;
  }

  onOpen(socket: Socket): void {
    socket.data.number = ++this.#openedCount;
    this.#sockets.add(socket);
    this.#awaitingHello.add(socket);
    const { number: connection, address } = socket.data;
    if (this.#options.log.isDebug) this.#options.log.debug('connection opened', { connection, address });
  }

  onMessage(socket: Socket, message: string | Uint8Array): void {
    this.onActivity(socket);
    if (typeof message === 'string') this.#onText(socket, message);
    else this.#close(socket, 'protocol_error');
  }

  /** The peer sent something: a frame, a ping or a pong. */
  onActivity(socket: Socket): void {
    socket.data.lastHeardMs = this.#options.clock.monotonicMs();
  }

  onClose(socket: Socket): void {
    const { state } = socket.data;
    const { meter, log } = this.#options;
    const reason = state.type === 'closing' ? state.reason : undefined;
    meter.closed(reason);
    if (log.isDebug) log.debug('connection closed', { ...logFieldsOf(socket), reason: reason ?? 'client' });
    this.#sockets.delete(socket);
    this.#awaitingHello.delete(socket);
    this.#drain.forget(socket);
    this.#table.remove(socket);
    this.#deferred.forget(socket);
    socket.data.state = { type: 'closed' };
    this.#options.onClosed?.(socket.data);
    // A session that is still opening is closed once it is open: the core must not receive the close first.
    if ((state.type === 'open' || state.type === 'closing') && state.caller) this.#opener.closeSession(state.caller);
  }

  /** [A13] Closes the connections whose token was revoked; undefined: any token may have been. */
  closeRevoked(revocations: readonly Revocation[] | undefined): void {
    const sockets =
      revocations === undefined ? this.#sockets : revocations.flatMap((each) => this.#table.socketsOf(each.userId));
    for (const socket of sockets) {
      const { state } = socket.data;
      if ((state.type === 'open' || state.type === 'opening') && this.#options.isRevoked(state.caller))
        this.#close(socket, 'token_revoked');
    }
  }

  /** Asks one client after another to reconnect, and serves the others meanwhile. */
  drainGradually(deadlineMs: number): Promise<void> {
    return this.#drain.oneByOne(deadlineMs);
  }

  /** Asks all clients to reconnect. Resolves when all sessions are closed, or soon after `deadlineMs` of the monotonic clock. */
  async drain(deadlineMs: number): Promise<void> {
    assert(this.#options.pipeline.isDraining, 'requests are refused before connections are closed');
    this.#heartbeat.stop();
    this.#deferred.stop();
    await this.#drain.all(deadlineMs);
    await this.#opener.drain();
  }

  /** Terminates the connections that remain. */
  async close(): Promise<void> {
    this.#heartbeat.stop();
    this.#deferred.stop();
    for (const socket of this.#sockets) socket.terminate();
    await this.#opener.drain();
    this.#table.close();
  }

  #onText(socket: Socket, text: string): void {
    const { frameBytesMax } = this.#options.limits;
    // UTF-8 needs at most 3 bytes for a UTF-16 unit: only texts near the limit are measured exactly.
    if (text.length * 3 > frameBytesMax && Buffer.byteLength(text) > frameBytesMax)
      return this.#refuse(socket, refusal.tooLarge('the frame', frameBytesMax));
    if (!isBundle(text)) return this.#onFrame(socket, text);
    const frames = unbundle(text);
    if (frames === undefined) return this.#refuse(socket, refusal.invalid('a bundle must be a JSON array of frames'));
    for (const frame of frames) this.#onFrame(socket, frame);
  }

  #onFrame(socket: Socket, text: string): void {
    const { state } = socket.data;
    switch (state.type) {
      case 'awaiting_hello':
        return this.#onHello(socket, text, state.token);
      case 'checking':
      case 'opening':
        if (!state.early.add(text)) this.#close(socket, 'protocol_error');
        return;
      case 'open':
        return this.#onSessionFrame(socket, text);
      case 'closing':
      case 'closed':
        return;
      default:
        return unreachable(state);
    }
  }

  #onHello(socket: Socket, text: string, token: string | undefined): void {
    const parsed = parseFrame(text);
    if (parsed.type !== 'ok') return this.#refuse(socket, parsed.refusal, parsed.id);
    if (parsed.frame.type !== 'hello') return this.#refuse(socket, refusal.invalid('the first frame must be a hello'));
    this.#awaitingHello.delete(socket);
    void this.#opener.open(socket, parsed.frame, token);
  }

  #onSessionFrame(socket: Socket, text: string): void {
    const parsed = parseFrame(text);
    if (parsed.type !== 'ok') return this.#refuse(socket, parsed.refusal, parsed.id);
    const { frame } = parsed;
    switch (frame.type) {
      case 'hello':
        return this.#refuse(socket, refusal.invalid('hello must be sent once, as the first frame'));
      case 'ping':
        this.#options.meter.framesIn.add('ping');
        return this.#pong(socket);
      default:
        if (this.#drain.isDraining(socket)) return this.#refuse(socket, failure.stopping(), idText(frame.id));
        void this.#request(socket, frame);
    }
  }

  /** A bad hello closes the connection; later errors do not. */
  #refuse(socket: Socket, problem: Problem, id?: string): void {
    const { state } = socket.data;
    this.#options.meter.framesIn.add('invalid');
    if (state.type === 'closing' || state.type === 'closed') return;
    if (state.type === 'awaiting_hello') {
      socket.send(errorFrame(problem, id));
      return this.#close(socket, 'protocol_error');
    }
    this.#queueError(socket, problem, id);
    // A request that a draining connection sent meanwhile is not the client's fault.
    if (problem.type === 'refused') this.#countRefusal(socket);
  }

  async #request(socket: Socket, frame: RequestFrame): Promise<void> {
    const { pipeline, meter } = this.#options;
    const name = operationOfUp[frame.type];
    meter.framesIn.add(frame.type);
    if (frame.type === 'send') meter.sends.sent(frame.client_msg_id, socket.data.lastHeardMs);
    // Subscribes before it queries: a change in between is reported twice rather than missed.
    if (frame.type === 'presence') {
      await this.#table.watch(socket, frame.user_ids);
      // The session may have closed meanwhile, and with it the caller.
      if (socket.data.state.type !== 'open') return;
    }
    if (isReceipt(frame) && this.#deferred.merge(socket, frame.type, frame)) return;
    const answer = await pipeline.run<OperationName>(name, socket.data, frame as Input<OperationName>);
    if (isRateLimited(answer) && this.#coalesce(socket, frame)) return;
    this.#answer(socket, { name, id: frame.id }, answer);
  }

  /** [L7] Returns false when the refusal has to be sent. A later receipt includes earlier ones, and a client repeats typing. */
  #coalesce(socket: Socket, frame: RequestFrame): boolean {
    if (isReceipt(frame)) return this.#deferred.defer(socket, frame.type, frame);
    if (frame.type !== 'typing') return false;
    this.#countRefusal(socket);
    return true;
  }

  async #submitDeferred(socket: Socket, name: ReceiptName, input: Input<ReceiptName>): Promise<boolean> {
    if (socket.data.state.type !== 'open') return true;
    const answer = await this.#options.pipeline.run<OperationName>(name, socket.data, input);
    if (isRateLimited(answer)) return false;
    this.#answer(socket, { name, id: undefined }, answer);
    return true;
  }

  /** [L7] */
  #pong(socket: Socket): void {
    if (this.#allowances.takePing(socket.data)) this.#table.output.queue(socket, pongFrame);
    else this.#countRefusal(socket);
  }

  /** [L2] */
  #countRefusal(socket: Socket): void {
    if (!this.#allowances.takeRefusal(socket.data)) this.#close(socket, 'rate_limited');
  }

  #answer(
    socket: Socket,
    request: { readonly name: OperationName; readonly id: number | undefined },
    answer: Answer<OperationName>,
  ): void {
    const { name, id } = request;
    const { frame, changes }: OperationSpec = operations[name];
    if (answer.type !== 'ok') {
      this.#queueError(socket, answer, idText(id));
      if (answer.code === 'rate_limited') this.#countRefusal(socket);
      return;
    }
    if (frame?.down === undefined) return;
    assert(
      id !== undefined && answer.value !== undefined,
      'an operation with an answer frame has a request id and an output',
      name,
    );
    // A read can be repeated once this client, or others, have read what they were sent.
    if (!changes && !this.#unread.hasRoomFor(socket))
      return this.#queueError(socket, failure.overloaded('unread answers'), String(id));
    this.#options.meter.answersOut.add(frame.down);
    this.#table.output.queue(socket, answerFrame(frame.down, id, answer.value));
  }

  #queueError(socket: Socket, problem: Problem, id?: string): void {
    this.#options.meter.answersOut.add('error');
    this.#table.output.queue(socket, errorFrame(problem, id));
  }

  #close(socket: Socket, reason: CloseReason): void {
    closeSocket(socket, reason, this.#options.clock.monotonicMs());
  }
}

const isReceipt = (frame: RequestFrame): frame is UpOf<ReceiptName> =>
  frame.type === 'delivered' || frame.type === 'read';

const isRateLimited = (answer: Answer<OperationName>): boolean =>
  answer.type !== 'ok' && answer.code === 'rate_limited';

const idText = (id: number | undefined): string | undefined => (id === undefined ? undefined : String(id));
