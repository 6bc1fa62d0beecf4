// One gateway process as the core sees it: its requests answered, its topics followed, its sessions closed with the link.

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
import { isProof, type Nonces, newNonce, proofOf } from './security.ts';
import {
  contractVersion,
  encodeDown,
  greetingBytesMax,
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
  /** Of what gateways publish. */
  readonly outage: OutageLog;
  /** Events for a gateway that leaves more than this unread are dropped, and it is told so. */
  readonly backlogBytesMax: number;
  readonly clock: Pick<Clock, 'after'>;
  /** What a gateway has to know; absent: whoever reaches the socket may speak. */
  readonly secret?: Uint8Array | undefined;
  /** Sessions belong to the gateways, and any core answers for them: they stay open when a link ends. */
  readonly sessionsOutliveLinks?: boolean;
}

type State =
  | { readonly type: 'awaiting_hello' }
  | { readonly type: 'awaiting_proof'; readonly node: string; readonly expected: Uint8Array }
  | { readonly type: 'open'; readonly node: string }
  | { readonly type: 'over' };

const isQuestion = (name: string): name is keyof GatewayQuestions =>
  (gatewayQuestions as readonly string[]).includes(name);

/** A gateway that has not said who it is by then is cut. */
const greetingTimeoutMs = 5_000;

/** What an item of a batch takes beside its texts, roughly. */
const itemBytes = 50;

export class ServerStream {
  /** Resolves when the link is gone and its sessions are closed. Never rejects. */
  readonly ended: Promise<void>;
  readonly #options: ServerStreamOptions;
  readonly #stream: ServerDuplexStream<LinkUp, Buffer>;
  readonly #writer: BatchWriter;
  readonly #bus: BusAttachment;
  readonly #sessions = new Map<string, DeviceCaller>();
  readonly #resolveEnded: () => void;
  readonly #late: Timer;
  #state: State = { type: 'awaiting_hello' };
  #events: (LinkEvent & { topics: string[] })[] = [];
  #answers: LinkAnswer[] = [];
  #done: number[] = [];
  #hasLostEvents = false;
  /** Subscriptions of the batches so far, until they are in force. */
  #subscribed: Promise<unknown> = Promise.resolve();

  constructor(stream: ServerDuplexStream<LinkUp, Buffer>, options: ServerStreamOptions) {
    this.#options = options;
    this.#stream = stream;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#resolveEnded = resolve;
    this.#writer = new BatchWriter({ stream, take: () => this.#take(), onRelief: () => stream.resume() });
    this.#bus = options.bus.attach({
      onEvent: (event) => this.#onEvent(event),
      onLoss: () => this.#onLoss(),
    });
    this.#late = options.clock.after(greetingTimeoutMs, () => {
      if (this.#state.type !== 'open') this.#refuse(status.UNAUTHENTICATED, 'no hello came in time');
    });
    limitMessages(stream, greetingBytesMax);
    stream.on('data', (up: LinkUp) => this.#received(up));
    stream.on('end', () => this.end());
    stream.on('error', (error) => this.#over(error.message));
    stream.on('cancelled', () => this.#over('cut'));
    stream.on('close', () => this.#over('closed'));
  }

  end(): void {
    this.#stream.end();
    this.#over('ended');
  }

  get #node(): string {
    return this.#state.type === 'open' ? this.#state.node : '';
  }

  #received({ hello, interests, requests, published, proof }: LinkUp): void {
    if (this.#state.type === 'over') return;
    if (hello) this.#greet(hello);
    if (this.#state.type === 'awaiting_proof' && proof.length > 0) this.#check(proof);
    if (this.#state.type !== 'open') return;
    this.#follow(interests);
    for (const request of requests) this.#begin(request);
    if (published.length > 0)
      this.#options.bus.publish(published.flatMap(fromEvent)).then(
        () => this.#options.outage.worked(),
        (error: unknown) => this.#options.outage.failed(error),
      );
    // Answers that the gateway does not read must not pile up: it is not heard until it does.
    if (this.#writer.isHeldBack) this.#stream.pause();
  }

  #greet({ node, contract, nonce = new Uint8Array() }: LinkHello): void {
    if (this.#state.type !== 'awaiting_hello') return;
    if (contract !== contractVersion)
      return this.#refuse(
        status.FAILED_PRECONDITION,
        `this core speaks version ${contractVersion} of the link, the gateway ${contract}`,
      );
    const { secret } = this.#options;
    if (secret === undefined) return this.#join(node);
    const nonces: Nonces = { gateway: nonce, core: newNonce() };
    this.#state = { type: 'awaiting_proof', node, expected: proofOf(secret, 'gateway', nonces) };
    const challenge = { nonce: nonces.core, proof: proofOf(secret, 'core', nonces) };
    this.#stream.write(encodeDown({ challenge }));
  }

  #check(proof: Uint8Array): void {
    if (this.#state.type !== 'awaiting_proof') return;
    const { node, expected } = this.#state;
    if (isProof(proof, expected)) return this.#join(node);
    this.#options.log.warn('a gateway does not know the secret of the link', { node });
    this.#refuse(status.UNAUTHENTICATED, 'the secret of the link is another one here');
  }

  #join(node: string): void {
    this.#late.cancel();
    this.#state = { type: 'open', node };
    limitMessages(this.#stream, messageBytesMax);
    this.#stream.write(encodeDown({ ready: {} }));
    this.#options.log.info('gateway joined', { node });
  }

  /** How grpc-js ends a stream with a status of its handler's choice. */
  #refuse(code: status, details: string): void {
    this.#stream.emit('error', Object.assign(new Error(details), { code, details }));
  }

  #follow(interests: LinkUp['interests']): void {
    // A batch names each topic once: the order of its interests does not matter.
    const topicsOf = (wanted: boolean) =>
      interests.filter(({ isWanted }) => isWanted === wanted).map(({ topic }) => topic as Topic);
    if (interests.length === 0) return;
    this.#bus.unsubscribe(topicsOf(false));
    this.#subscribed = Promise.all([this.#subscribed, this.#bus.subscribe(topicsOf(true))]);
    // A failure reaches the gateway through the barrier behind it; later barriers start over.
    this.#subscribed.catch(() => undefined);
  }

  #begin(request: LinkRequest): void {
    const { id } = request;
    switch (request.what) {
      case 'call':
        return this.#answer(id, this.#call(request.call));
      case 'open':
        return this.#answer(id, this.#openSession(request.open));
      case 'close':
        return this.#answer(id, this.#closeSession(request.close));
      case 'barrier':
        return this.#answer(id, this.#passBarrier());
      default:
        return unreachable(request);
    }
  }

  async #passBarrier(): Promise<undefined> {
    const subscribed = this.#subscribed;
    this.#subscribed = Promise.resolve();
    await subscribed;
  }

  /** Requests begin in the order they came; each is answered when it is done. */
  #answer(id: number, work: Promise<Result<unknown> | undefined>): void {
    work.then(
      (result) => this.#add(id, result),
      (error: unknown) => {
        const problem = problemOf(error);
        if (problem.type === 'bug') this.#options.log.error('request of a gateway failed', { node: this.#node, error });
        this.#push({ id, result: 'problem', problem });
      },
    );
  }

  #add(id: number, result: Result<unknown> | undefined): void {
    if (this.#state.type === 'over') return;
    if (result === undefined || (result.type === 'ok' && result.value === undefined)) {
      this.#done.push(id);
      this.#writer.added(4);
    } else if (result.type === 'ok') {
      this.#push({ id, result: 'outputJson', outputJson: JSON.stringify(result.value) });
    } else this.#push({ id, result: 'problem', problem: result });
  }

  #push(answer: LinkAnswer): void {
    if (this.#state.type === 'over') return;
    this.#answers.push(answer);
    this.#writer.added(itemBytes + (answer.result === 'outputJson' ? answer.outputJson.length : 0));
  }

  /** The gateway checked the input against the schema of the operation: the cast restores what it knew. What it should not send is answered as a bug. */
  async #call({ operation, sessionId, callerJson, inputJson, traceparent }: LinkCall): Promise<Result<unknown>> {
    const { core } = this.#options;
    if (isQuestion(operation)) return core[operation](JSON.parse(inputJson));
    if (!Object.hasOwn(operations, operation) || !Object.hasOwn(core, operation)) throw new Error(bug.message);
    // A text that is absent is decoded as empty.
    const caller = callerJson ? (JSON.parse(callerJson) as AnonymousCaller) : this.#sessions.get(sessionId ?? '');
    // The link was down since the session was opened: its connection is about to close.
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
    // Closed, or left without its gateway, before it was open.
    else if (!this.#sessions.has(caller.sessionId)) await core.closeSession({ caller, node });
    return opened;
  }

  async #closeSession({ sessionId, callerJson }: LinkClose): Promise<undefined> {
    const caller = callerJson ? (JSON.parse(callerJson) as DeviceCaller) : this.#sessions.get(sessionId);
    this.#sessions.delete(sessionId);
    if (caller) await this.#options.core.closeSession({ caller, node: this.#node });
  }

  /** [D8] A gateway that does not keep up costs the others nothing: what it cannot take is dropped, and it is told so. */
  #onEvent(event: BusEvent): void {
    if (this.#writer.waitingBytes > this.#options.backlogBytesMax) return this.#onLoss();
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
    const [events, answers, done, hasLostEvents] = [this.#events, this.#answers, this.#done, this.#hasLostEvents];
    this.#events = [];
    this.#answers = [];
    this.#done = [];
    this.#hasLostEvents = false;
    const messages = messagesOf({ events, answers, done }, encodeDown);
    return hasLostEvents ? [encodeDown({ hasLostEvents }), ...messages] : messages;
  }

  #over(why: string): void {
    if (this.#state.type === 'over') return;
    const { core, log } = this.#options;
    const node = this.#node;
    this.#state = { type: 'over' };
    this.#late.cancel();
    this.#writer.close();
    this.#bus.detach();
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    log.info('gateway left', { node, why, sessions: sessions.length });
    void Promise.allSettled(sessions.map((caller) => core.closeSession({ caller, node }))).then((results) => {
      const failed = results.find((result) => result.status === 'rejected');
      if (failed) log.error('sessions of a gateway could not be closed', { node, error: failed.reason });
      this.#resolveEnded();
    });
  }
}

const isSameFrame = (
  last: Extract<LinkEvent, { what: 'frame' }>,
  event: Extract<BusEvent, { type: 'frame' }>,
): boolean => last.frame === event.frame && last.mayWait === event.mayWait;

/**
 * [N8] Messages that begin from now on. The library collects one whole before it hands it over, and has one limit for all streams of a
 * server in its public options: whoever reaches the port would take that much without knowing the secret.
 */
function limitMessages(stream: ServerDuplexStream<LinkUp, Buffer>, bytesMax: number): void {
  const { decoder } = (stream as unknown as { readonly call: { readonly decoder: { maxReadMessageLength: number } } })
    .call;
  assert(decoder.maxReadMessageLength > 0, 'the library keeps the limit of a stream where it did');
  decoder.maxReadMessageLength = bytesMax;
}
