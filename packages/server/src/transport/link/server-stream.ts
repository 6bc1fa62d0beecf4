// The core's side of a link: answers the gateway's requests, forwards the topics it follows, closes its sessions when the link ends.

import { type ServerDuplexStream, status } from '@grpc/grpc-js';
import { assert, unreachable } from '@hongyan/base/assert';
import type { Clock, Timer } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { OutageLog } from '@hongyan/base/outage-log';
import { operations } from '@hongyan/protocol/operations/operations';
import { bug, failure, problemOf, type Result } from '@hongyan/protocol/refusals';
import {
  type AnonymousCaller,
  type Core,
  type CoreOperation,
  type DeviceCaller,
  type GatewayQuestions,
  gatewayQuestions,
} from '../../ports/core/core.ts';
import type { BusAttachment, BusEvent, EventBus, Topic } from '../../ports/event-bus/event-bus.ts';
import { BatchWriter, messagesOf } from './batch-writer.ts';
import { isSameProof, type Nonces, newNonce, proofOf } from './security.ts';
import {
  contractVersion,
  encodeDown,
  handshakeBytesMax,
  type LinkAnswer,
  type LinkCall,
  type LinkClose,
  type LinkEvent,
  type LinkHello,
  type LinkOpen,
  type LinkRequest,
  type LinkUp,
  messageBytesMax,
} from './wire.ts';
import { fromEvent, toEvent } from './wire-values.ts';

export interface ServerStreamOptions {
  readonly core: Core;
  readonly bus: EventBus;
  readonly log: Log;
  /** Logs events of gateways that could not be published. */
  readonly outage: OutageLog;
  /** Unread events; beyond it further events are dropped, and the gateway is notified. */
  readonly backlogBytesMax: number;
  readonly clock: Pick<Clock, 'after'>;
  /** Gateways have to prove that they know it. Absent: access to the socket is enough. */
  readonly secret?: Uint8Array | undefined;
  /** Sessions belong to the gateways, and any core serves them: they stay open when a link ends. */
  readonly sessionsOutliveLinks?: boolean;
}

type State =
  | { readonly type: 'awaiting_hello' }
  | { readonly type: 'awaiting_proof'; readonly node: string; readonly expected: Uint8Array }
  | { readonly type: 'open'; readonly node: string }
  | { readonly type: 'closed' };

const isQuery = (name: string): name is keyof GatewayQuestions =>
  (gatewayQuestions as readonly string[]).includes(name);

/** A gateway that has not authenticated within this time is disconnected. */
const handshakeTimeoutMs = 5_000;

/** Approximate size of an item of a batch without its texts. */
const itemBytes = 50;

export class ServerStream {
  /** Resolves when the link and its sessions are closed. Never rejects. */
  readonly closed: Promise<void>;
  readonly #options: ServerStreamOptions;
  readonly #stream: ServerDuplexStream<LinkUp, Buffer>;
  readonly #writer: BatchWriter;
  readonly #bus: BusAttachment;
  readonly #sessions = new Map<string, DeviceCaller>();
  readonly #resolveClosed: () => void;
  readonly #handshakeTimeout: Timer;
  #state: State = { type: 'awaiting_hello' };
  #events: (LinkEvent & { topics: string[] })[] = [];
  #answers: LinkAnswer[] = [];
  #doneIds: number[] = [];
  #hasLostEvents = false;
  /** Resolves when the subscriptions of all batches so far are in force. */
  #subscribed: Promise<unknown> = Promise.resolve();

  constructor(stream: ServerDuplexStream<LinkUp, Buffer>, options: ServerStreamOptions) {
    this.#options = options;
    this.#stream = stream;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    this.#writer = new BatchWriter({ stream, take: () => this.#take(), onWritable: () => stream.resume() });
    this.#bus = options.bus.attach({
      onEvent: (event) => this.#onEvent(event),
      onLoss: () => this.#onLoss(),
    });
    this.#handshakeTimeout = options.clock.after(handshakeTimeoutMs, () => {
      if (this.#state.type !== 'open') this.#refuse(status.UNAUTHENTICATED, 'the gateway did not authenticate in time');
    });
    limitMessages(stream, handshakeBytesMax);
    stream.on('data', (up: LinkUp) => this.#received(up));
    stream.on('end', () => this.close());
    stream.on('error', (error) => this.#onClosed(error.message));
    stream.on('cancelled', () => this.#onClosed('cancelled'));
    stream.on('close', () => this.#onClosed('closed'));
  }

  close(): void {
    this.#stream.end();
    this.#onClosed('ended');
  }

  get #node(): string {
    return this.#state.type === 'open' ? this.#state.node : '';
  }

  #received({ hello, interests, requests, published, proof }: LinkUp): void {
    if (this.#state.type === 'closed') return;
    if (hello) this.#onHello(hello);
    if (this.#state.type === 'awaiting_proof' && proof.length > 0) this.#verifyProof(proof);
    if (this.#state.type !== 'open') return;
    this.#follow(interests);
    for (const request of requests) this.#handle(request);
    if (published.length > 0)
      this.#options.bus.publish(published.flatMap(fromEvent)).then(
        () => this.#options.outage.worked(),
        (error: unknown) => this.#options.outage.failed(error),
      );
    // Backpressure: while the gateway does not read its answers, its requests are not read.
    if (this.#writer.isBlocked) this.#stream.pause();
  }

  #onHello({ node, contract, nonce = new Uint8Array() }: LinkHello): void {
    if (this.#state.type !== 'awaiting_hello') return;
    if (contract !== contractVersion)
      return this.#refuse(
        status.FAILED_PRECONDITION,
        `the core has version ${contractVersion} of the link protocol, the gateway version ${contract}: run the same release on both`,
      );
    const { secret } = this.#options;
    if (secret === undefined) return this.#accept(node);
    const nonces: Nonces = { gateway: nonce, core: newNonce() };
    this.#state = { type: 'awaiting_proof', node, expected: proofOf(secret, 'gateway', nonces) };
    const challenge = { nonce: nonces.core, proof: proofOf(secret, 'core', nonces) };
    this.#stream.write(encodeDown({ challenge }));
  }

  #verifyProof(proof: Uint8Array): void {
    if (this.#state.type !== 'awaiting_proof') return;
    const { node, expected } = this.#state;
    if (isSameProof(proof, expected)) return this.#accept(node);
    this.#options.log.warn('a gateway does not know the secret of the link', { node });
    this.#refuse(status.UNAUTHENTICATED, 'the secret of the gateway differs from that of the core');
  }

  #accept(node: string): void {
    this.#handshakeTimeout.cancel();
    this.#state = { type: 'open', node };
    limitMessages(this.#stream, messageBytesMax);
    this.#stream.write(encodeDown({ ready: {} }));
    this.#options.log.info('gateway joined', { node });
  }

  /** An error event with a code is how a handler of grpc-js ends a stream with that status. */
  #refuse(code: status, details: string): void {
    this.#stream.emit('error', Object.assign(new Error(details), { code, details }));
  }

  #follow(interests: LinkUp['interests']): void {
    // A batch contains each topic once, so the order of its interests does not matter.
    const topicsOf = (wanted: boolean) =>
      interests.filter(({ isWanted }) => isWanted === wanted).map(({ topic }) => topic as Topic);
    if (interests.length === 0) return;
    this.#bus.unsubscribe(topicsOf(false));
    this.#subscribed = Promise.all([this.#subscribed, this.#bus.subscribe(topicsOf(true))]);
    // The next barrier reports a failure to the gateway; later barriers do not repeat it.
    this.#subscribed.catch(() => undefined);
  }

  #handle(request: LinkRequest): void {
    const { id } = request;
    switch (request.what) {
      case 'call':
        return this.#answerWhenDone(id, this.#call(request.call));
      case 'open':
        return this.#answerWhenDone(id, this.#openSession(request.open));
      case 'close':
        return this.#answerWhenDone(id, this.#closeSession(request.close));
      case 'barrier':
        return this.#answerWhenDone(id, this.#confirmInterests());
      default:
        return unreachable(request);
    }
  }

  async #confirmInterests(): Promise<undefined> {
    const subscribed = this.#subscribed;
    this.#subscribed = Promise.resolve();
    await subscribed;
  }

  /** Requests start in the order they arrive; each is answered when it is done. */
  #answerWhenDone(id: number, work: Promise<Result<unknown> | undefined>): void {
    work.then(
      (result) => this.#addResult(id, result),
      (error: unknown) => {
        const problem = problemOf(error);
        if (problem.type === 'bug') this.#options.log.error('request of a gateway failed', { node: this.#node, error });
        this.#addAnswer({ id, result: 'problem', problem });
      },
    );
  }

  #addResult(id: number, result: Result<unknown> | undefined): void {
    if (this.#state.type === 'closed') return;
    if (result === undefined || (result.type === 'ok' && result.value === undefined)) {
      this.#doneIds.push(id);
      this.#writer.added(4);
    } else if (result.type === 'ok') {
      this.#addAnswer({ id, result: 'outputJson', outputJson: JSON.stringify(result.value) });
    } else this.#addAnswer({ id, result: 'problem', problem: result });
  }

  #addAnswer(answer: LinkAnswer): void {
    if (this.#state.type === 'closed') return;
    this.#answers.push(answer);
    this.#writer.added(itemBytes + (answer.result === 'outputJson' ? answer.outputJson.length : 0));
  }

  /** The gateway has validated the input, so its type is asserted. An unknown operation is a bug of the gateway. */
  async #call({ operation, sessionId, callerJson, inputJson, traceparent }: LinkCall): Promise<Result<unknown>> {
    const { core } = this.#options;
    if (isQuery(operation)) return core[operation](JSON.parse(inputJson));
    if (!Object.hasOwn(operations, operation) || !Object.hasOwn(core, operation)) throw new Error(bug.message);
    // Absent texts are decoded as empty.
    const caller = callerJson ? (JSON.parse(callerJson) as AnonymousCaller) : this.#sessions.get(sessionId ?? '');
    // The link was interrupted since the session opened: the gateway is about to close its connection.
    if (caller === undefined) return failure.coreUnreachable();
    const handle = core[operation as CoreOperation] as (caller: unknown, input: unknown) => Promise<Result<unknown>>;
    return handle.call(core, traceparent ? { ...caller, trace: traceparent } : caller, JSON.parse(inputJson));
  }

  async #openSession({ callerJson, clientName }: LinkOpen): Promise<Result<unknown>> {
    const caller = JSON.parse(callerJson) as DeviceCaller;
    const { core } = this.#options;
    const node = this.#node;
    if (this.#options.sessionsOutliveLinks) return core.openSession({ caller, clientName, node });
    this.#sessions.set(caller.sessionId, caller);
    const opened = await core.openSession({ caller, clientName, node });
    if (opened.type !== 'ok') this.#sessions.delete(caller.sessionId);
    // The session, or the link, was closed before the session was open.
    else if (!this.#sessions.has(caller.sessionId)) await core.closeSession({ caller, node });
    return opened;
  }

  async #closeSession({ sessionId, callerJson }: LinkClose): Promise<undefined> {
    const caller = callerJson ? (JSON.parse(callerJson) as DeviceCaller) : this.#sessions.get(sessionId);
    this.#sessions.delete(sessionId);
    if (caller) await this.#options.core.closeSession({ caller, node: this.#node });
  }

  /** [D8] A slow gateway does not delay the others: events beyond its backlog are dropped, and it is notified. */
  #onEvent(event: BusEvent): void {
    if (this.#writer.pendingBytes > this.#options.backlogBytesMax) return this.#onLoss();
    const last = this.#events.at(-1);
    if (event.type === 'frame' && last?.what === 'frame' && isSameFrame(last, event)) {
      last.topics.push(event.topic);
      return;
    }
    this.#events.push(toEvent(event) as LinkEvent & { topics: string[] });
    this.#writer.added(itemBytes + (event.type === 'frame' ? event.frame.length : 0));
  }

  #onLoss(): void {
    if (this.#hasLostEvents) return;
    this.#options.log.warn('events for a gateway are lost', { node: this.#node });
    this.#hasLostEvents = true;
    this.#writer.added(itemBytes);
  }

  #take(): readonly Buffer[] {
    const [events, answers, done, hasLostEvents] = [this.#events, this.#answers, this.#doneIds, this.#hasLostEvents];
    this.#events = [];
    this.#answers = [];
    this.#doneIds = [];
    this.#hasLostEvents = false;
    const messages = messagesOf({ events, answers, done }, encodeDown);
    return hasLostEvents ? [encodeDown({ hasLostEvents }), ...messages] : messages;
  }

  #onClosed(reason: string): void {
    if (this.#state.type === 'closed') return;
    const { core, log } = this.#options;
    const node = this.#node;
    this.#state = { type: 'closed' };
    this.#handshakeTimeout.cancel();
    this.#writer.close();
    this.#bus.detach();
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    log.info('gateway left', { node, why: reason, sessions: sessions.length });
    void Promise.allSettled(sessions.map((caller) => core.closeSession({ caller, node }))).then((results) => {
      const failed = results.find((result) => result.status === 'rejected');
      if (failed) log.error('sessions of a gateway could not be closed', { node, error: failed.reason });
      this.#resolveClosed();
    });
  }
}

const isSameFrame = (
  last: Extract<LinkEvent, { what: 'frame' }>,
  event: Extract<BusEvent, { type: 'frame' }>,
): boolean => last.frame === event.frame && last.mayWait === event.mayWait;

/**
 * [N8] Limits the messages that begin from now on. The library buffers a message before it delivers it, and its public option is one
 * limit for all streams: a peer could fill that much memory without knowing the secret.
 */
function limitMessages(stream: ServerDuplexStream<LinkUp, Buffer>, bytesMax: number): void {
  const { decoder } = (stream as unknown as { readonly call: { readonly decoder: { maxReadMessageLength: number } } })
    .call;
  assert(decoder.maxReadMessageLength > 0, 'grpc-js stores the message limit of a stream in its decoder');
  decoder.maxReadMessageLength = bytesMax;
}
