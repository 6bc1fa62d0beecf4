// The gateway's side of a link: one stream to the core, the requests in flight with their deadlines, and reconnects.

import { Client, type ClientDuplexStream } from '@grpc/grpc-js';
import { type Clock, sleep, type Timer } from '@hongyan/base/clock';
import type { Log, LogFields } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import { TransientMap } from '@hongyan/base/transient-map';
import { BatchWriter, messagesOf } from './batch-writer.ts';
import {
  channelCredentials,
  isSameProof,
  type LinkTarget,
  linkProblem,
  nameOption,
  newNonce,
  proofOf,
} from './security.ts';
import {
  channelOptions,
  contractVersion,
  decodeDown,
  encodeUp,
  type LinkAnswerResult,
  type LinkChallenge,
  type LinkDown,
  type LinkEvent,
  type LinkRequest,
  type LinkRequestBody,
  linkMethod,
  passThrough,
} from './wire.ts';

export interface ClientStreamOptions {
  readonly target: LinkTarget;
  readonly node: string;
  /** For the log; absent where there is one core. */
  readonly coreName?: string;
  readonly clock: Clock;
  readonly log: Log;
  /** A request that is not answered within this time fails; a later answer is dropped. */
  readonly timeoutMs: number;
  /** Further requests fail as overloaded. */
  readonly inFlightMax: number;
  /** The core is probed each second; when nothing arrives for this time, the link is closed as dead. Absent: no probes. */
  readonly silentMsMax?: number;
  readonly onEvents: (events: readonly LinkEvent[]) => void;
  /** Events may be lost: the core dropped some, or the link was down and is up again. */
  readonly onLoss: () => void;
  /** The topics to subscribe when the link comes up. */
  readonly topics: () => Iterable<string>;
}

/** `unknown`: the request was sent, so it may have taken effect. */
export type RequestOutcome =
  | { readonly type: 'answered'; readonly answer: LinkAnswerResult }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly reason: 'unavailable' | 'overloaded' | 'unknown' };

interface InFlight {
  readonly dueMs: number;
  readonly resolve: (outcome: RequestOutcome) => void;
  wasSent: boolean;
}

type State =
  | { readonly type: 'down' }
  | {
      readonly type: 'connecting' | 'up';
      readonly stream: Stream;
      readonly client: Client;
      readonly writer: BatchWriter;
      readonly fail: (error: Error) => void;
    }
  | { readonly type: 'closed' };

type Stream = ClientDuplexStream<Buffer, LinkDown>;

const readyTimeoutMs = 5_000;
const closeTimeoutMs = 1_000;
const backOffMs = { first: 20, max: 2_000 };
const sweepMs = 100;
const probeEveryMs = 1_000;
const idMax = 0xffff_ffff;
/** Approximate size of an item of a batch without its texts. */
const itemBytes = 100;

const queued = Promise.resolve();
const unavailable = { type: 'failed', reason: 'unavailable' } as const;

export class ClientStream {
  readonly #options: ClientStreamOptions;
  readonly #sweep: Timer;
  readonly #probing: Timer | undefined;
  #probedMs = 0;
  /** When the core last sent something, on the monotonic clock. */
  #heardMs = 0;
  /** In the order of their deadlines. */
  #inFlight = new TransientMap<number, InFlight>();
  readonly #closing = new AbortController();
  #state: State = { type: 'down' };
  #requests: LinkRequest[] = [];
  #interests = new Map<string, boolean>();
  #published: LinkEvent[] = [];
  /** Confirms the new interests of the pending batch; undefined while it has none. */
  #barrier: Promise<void> | undefined;
  #lastId = 0;
  #failures = 0;
  #problem: string | undefined;

  constructor(options: ClientStreamOptions) {
    this.#options = options;
    this.#sweep = options.clock.every(sweepMs, () => this.#expire());
    if (options.silentMsMax !== undefined) this.#probing = options.clock.every(probeEveryMs, () => this.#probe());
  }

  get isUp(): boolean {
    return this.#state.type === 'up';
  }

  /** Why the link is down, for an operator; undefined while it is up, and before it first fails. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get inFlightCount(): number {
    return this.#inFlight.size;
  }

  /** Resolves when the core is ready. Rejects when the first attempt fails. After a later failure it reconnects until `close`. */
  connect(): Promise<void> {
    return new Promise((resolve, reject) => this.#openStream({ onReady: resolve, onFailure: reject }));
  }

  /** Connects in the background; a first attempt that fails is repeated too. */
  start(): void {
    this.#openStream();
  }

  /** Never rejects. */
  request(body: LinkRequestBody, bytes = 0): Promise<RequestOutcome> {
    const { clock, timeoutMs, inFlightMax } = this.#options;
    if (this.#state.type !== 'up') return Promise.resolve(unavailable);
    if (this.#inFlight.size >= inFlightMax) return Promise.resolve({ type: 'failed', reason: 'overloaded' });
    const id = this.#nextId();
    const { promise, resolve } = Promise.withResolvers<RequestOutcome>();
    this.#inFlight.set(id, { dueMs: clock.monotonicMs() + timeoutMs, resolve, wasSent: false });
    this.#requests.push({ id, ...body });
    this.#state.writer.added(itemBytes + bytes);
    return promise;
  }

  /** Resolves when the core has subscribed the topic. Rejects without a link; the next one subscribes all `topics`. */
  follow(topic: string): Promise<void> {
    if (this.#state.type !== 'up')
      return Promise.reject(new StoreFailure('unavailable', 'the link to the core is down'));
    this.#interests.set(topic, true);
    this.#state.writer.added(itemBytes);
    this.#barrier ??= this.#confirmInterests();
    return this.#barrier;
  }

  unfollow(topic: string): void {
    if (this.#state.type !== 'up') return;
    this.#interests.set(topic, false);
    this.#state.writer.added(itemBytes);
  }

  /** Rejects without a link; nothing is published then. */
  publish(events: readonly LinkEvent[]): Promise<void> {
    if (this.#state.type !== 'up')
      return Promise.reject(new StoreFailure('unavailable', 'the link to the core is down'));
    this.#published.push(...events);
    this.#state.writer.added(itemBytes * events.length);
    return queued;
  }

  /** One request for all interests of a batch. */
  async #confirmInterests(): Promise<void> {
    const outcome = await this.request({ what: 'barrier', barrier: {} });
    if (outcome.type !== 'done') throw new StoreFailure('unavailable', 'the core did not confirm a subscription');
  }

  async close(): Promise<void> {
    const state = this.#state;
    this.#state = { type: 'closed' };
    this.#closing.abort();
    this.#sweep.cancel();
    this.#probing?.cancel();
    this.#failAll();
    if (state.type !== 'up' && state.type !== 'connecting') return;
    state.writer.close();
    const ended = new Promise<void>((resolve) => state.stream.once('end', () => resolve()));
    state.stream.end();
    await Promise.race([ended, sleep(this.#options.clock, { delayMs: closeTimeoutMs })]);
    state.stream.cancel();
    state.client.close();
  }

  #openStream(first?: { readonly onReady: () => void; readonly onFailure: (error: Error) => void }): void {
    const { target, node, clock } = this.#options;
    const address = target.type === 'socket' ? `unix:${target.path}` : target.address;
    const client = new Client(address, channelCredentials(target), { ...channelOptions, ...nameOption });
    const { path } = linkMethod;
    const stream: Stream = client.makeBidiStreamRequest(path, passThrough, decodeDown);
    const writer = new BatchWriter({ stream, take: () => this.#take() });
    const readyTimeout = clock.after(readyTimeoutMs, () => fail(new Error('the core was not ready in time')));
    let hasFailed = false;
    const fail = (error: Error) => {
      if (hasFailed) return;
      hasFailed = true;
      readyTimeout.cancel();
      writer.close();
      stream.cancel();
      client.close();
      if (this.#state.type === 'closed') return;
      if (first) return first.onFailure(error);
      this.#onDisconnected(error);
    };
    this.#state = { type: 'connecting', stream, client, writer, fail };
    const nonce = newNonce();
    let isAuthentic = target.type === 'socket';
    stream.on('data', (down: LinkDown) => {
      // The core may still send while `close` waits for its end.
      if (hasFailed || this.#state.type === 'closed') return;
      this.#heardMs = clock.monotonicMs();
      if (down.challenge) isAuthentic = this.#answerChallenge(down.challenge, { nonce, stream, fail });
      if (down.ready) {
        if (!isAuthentic) return fail(new Error('the core did not prove that it knows the secret'));
        readyTimeout.cancel();
        this.#ready({ type: 'up', stream, client, writer, fail }, first === undefined);
        first?.onReady();
        first = undefined;
      }
      this.#received(down);
    });
    stream.on('error', fail);
    stream.on('end', () => fail(new Error('the core closed the link')));
    stream.write(encodeUp({ hello: { node, contract: contractVersion, nonce } }));
  }

  /** [N8] Returns whether the core knows the secret, and proves that this side does. Otherwise the link fails. */
  #answerChallenge(
    { nonce: ofCore, proof }: LinkChallenge,
    {
      nonce,
      stream,
      fail,
    }: { readonly nonce: Uint8Array; readonly stream: Stream; readonly fail: (error: Error) => void },
  ): boolean {
    const { target } = this.#options;
    const nonces = { gateway: nonce, core: ofCore };
    if (target.type !== 'tcp') fail(new Error('a core on a Unix socket sends no challenge'));
    else if (!isSameProof(proof, proofOf(target.security.secret, 'core', nonces)))
      fail(new Error('the core does not know the secret of the link'));
    else {
      stream.write(encodeUp({ proof: proofOf(target.security.secret, 'gateway', nonces) }));
      return true;
    }
    return false;
  }

  /** A core that hangs, or whose network is cut, closes no connection: only its silence shows it. */
  #probe(): void {
    const { clock, silentMsMax = 0 } = this.#options;
    const nowMs = clock.monotonicMs();
    // When this process was blocked itself, answers may still wait to be read.
    const isLate = nowMs - this.#probedMs > 2 * probeEveryMs;
    this.#probedMs = nowMs;
    if (this.#state.type !== 'up') return;
    if (!isLate && nowMs - this.#heardMs > silentMsMax)
      return this.#state.fail(new Error(`the core was silent for ${silentMsMax} ms`));
    void this.request({ what: 'barrier', barrier: {} });
  }

  #ready(state: Extract<State, { type: 'connecting' | 'up' }>, isReconnect: boolean): void {
    this.#state = state;
    this.#failures = 0;
    this.#problem = undefined;
    this.#interests = new Map([...this.#options.topics()].map((topic) => [topic, true]));
    if (this.#interests.size > 0) state.writer.added(itemBytes * this.#interests.size);
    if (!isReconnect) return;
    this.#options.log.info('the link to the core is up again', this.#fields());
    this.#options.onLoss();
  }

  #onDisconnected(error: Error): void {
    const { log, clock, target } = this.#options;
    this.#problem = linkProblem(error, target);
    log.warn('the link to the core is lost', { ...this.#fields(), error: this.#problem });
    this.#state = { type: 'down' };
    this.#failAll();
    const delayMs = Math.min(backOffMs.max, backOffMs.first * 2 ** this.#failures++);
    void sleep(clock, { delayMs, signal: this.#closing.signal }).then(() => {
      if (this.#state.type === 'down') this.#openStream();
    });
  }

  #received({ hasLostEvents, events, answers, done }: LinkDown): void {
    if (hasLostEvents) {
      this.#options.log.warn('the core dropped events for this gateway');
      this.#options.onLoss();
    }
    if (events.length > 0) this.#options.onEvents(events);
    for (const answer of answers) this.#settle(answer.id, { type: 'answered', answer });
    for (const id of done) this.#settle(id, { type: 'done' });
  }

  #settle(id: number, outcome: RequestOutcome): void {
    const request = this.#inFlight.get(id);
    if (!request) return;
    this.#inFlight.delete(id);
    request.resolve(outcome);
  }

  #take(): readonly Buffer[] {
    const [requests, interests, published] = [this.#requests, this.#interests, this.#published];
    this.#requests = [];
    this.#published = [];
    this.#interests = new Map();
    this.#barrier = undefined;
    for (const { id } of requests) {
      const request = this.#inFlight.get(id);
      if (request) request.wasSent = true;
    }
    const interestList = [...interests].map(([topic, isWanted]) => ({ topic, isWanted }));
    return messagesOf({ interests: interestList, requests, published }, encodeUp);
  }

  /** A request that was not sent by its deadline MUST NOT be sent later: its caller was informed that it had no effect. */
  #expire(): void {
    const nowMs = this.#options.clock.monotonicMs();
    const unsent = new Set<number>();
    for (const [id, { dueMs, wasSent, resolve }] of this.#inFlight) {
      if (dueMs > nowMs) break;
      this.#inFlight.delete(id);
      if (!wasSent) unsent.add(id);
      resolve({ type: 'failed', reason: wasSent ? 'unknown' : 'unavailable' });
    }
    if (unsent.size > 0) this.#requests = this.#requests.filter(({ id }) => !unsent.has(id));
  }

  #failAll(): void {
    const lost = [...this.#inFlight.values()];
    this.#inFlight = new TransientMap();
    this.#requests = [];
    this.#published = [];
    this.#interests.clear();
    this.#barrier = undefined;
    for (const { resolve, wasSent } of lost) resolve({ type: 'failed', reason: wasSent ? 'unknown' : 'unavailable' });
  }

  #fields(): LogFields {
    const { coreName } = this.#options;
    return coreName === undefined ? {} : { core: coreName };
  }

  #nextId(): number {
    do this.#lastId = this.#lastId >= idMax ? 1 : this.#lastId + 1;
    while (this.#inFlight.has(this.#lastId));
    return this.#lastId;
  }
}
