// The gateway's end of the link: one stream to the core, its requests in flight with their deadlines, and its coming back.

import { Client, type ClientDuplexStream } from '@grpc/grpc-js';
import { type Clock, sleep, type Timer } from '@hongyan/base/clock';
import type { Log, LogFields } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import { TransientMap } from '@hongyan/base/transient-map';
import { BatchWriter, messagesOf } from './batch-writer.ts';
import {
  channelCredentials,
  isProof,
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
  type LinkRequestWhat,
  linkMethod,
  passThrough,
} from './wire.ts';

export interface ClientStreamOptions {
  readonly target: LinkTarget;
  readonly node: string;
  /** For the log, where there are several cores. */
  readonly coreName?: string;
  readonly clock: Clock;
  readonly log: Log;
  /** A request without an answer by then has failed; the answer that comes later is dropped. */
  readonly timeoutMs: number;
  /** Further requests fail as overloaded. */
  readonly inFlightMax: number;
  /** Asked each second, a core that is silent for so long is taken for dead: it may be stopped, or the network cut. Absent: it is not asked. */
  readonly silentMsMax?: number;
  readonly onEvents: (events: readonly LinkEvent[]) => void;
  /** Events may have been lost: the core dropped some, or the link was down and is up again. */
  readonly onLoss: () => void;
  /** What is to be followed when the link comes up. */
  readonly topics: () => Iterable<string>;
}

/** How a request ended. `unknown`: it had left, so it may have taken effect. */
export type Ending =
  | { readonly type: 'answered'; readonly answer: LinkAnswerResult }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly why: 'unavailable' | 'overloaded' | 'unknown' };

interface InFlight {
  readonly dueMs: number;
  readonly end: (ending: Ending) => void;
  hasLeft: boolean;
}

type State =
  | { readonly type: 'down' }
  | {
      readonly type: 'connecting' | 'up';
      readonly stream: Stream;
      readonly client: Client;
      readonly writer: BatchWriter;
      readonly end: (error: Error) => void;
    }
  | { readonly type: 'closed' };

type Stream = ClientDuplexStream<Buffer, LinkDown>;

const readyTimeoutMs = 5_000;
const closeTimeoutMs = 1_000;
const backOffMs = { first: 20, max: 2_000 };
const sweepMs = 100;
const askEveryMs = 1_000;
const idMax = 0xffff_ffff;
/** What an item of a batch takes beside its texts, roughly. */
const itemBytes = 100;

const accepted = Promise.resolve();
const unavailable = { type: 'failed', why: 'unavailable' } as const;

export class ClientStream {
  readonly #options: ClientStreamOptions;
  readonly #sweep: Timer;
  readonly #asking: Timer | undefined;
  #askedMs = 0;
  /** Of the core, on the monotonic clock. */
  #heardMs = 0;
  /** In the order they were asked, which is the order of their deadlines. */
  #inFlight = new TransientMap<number, InFlight>();
  readonly #closing = new AbortController();
  #state: State = { type: 'down' };
  #requests: LinkRequest[] = [];
  #interests = new Map<string, boolean>();
  #published: LinkEvent[] = [];
  /** Of the batch that collects; undefined while it has no new interest. */
  #barrier: Promise<void> | undefined;
  #lastId = 0;
  #failures = 0;
  #problem: string | undefined;

  constructor(options: ClientStreamOptions) {
    this.#options = options;
    this.#sweep = options.clock.every(sweepMs, () => this.#endOverdue());
    if (options.silentMsMax !== undefined) this.#asking = options.clock.every(askEveryMs, () => this.#ask());
  }

  get isUp(): boolean {
    return this.#state.type === 'up';
  }

  /** Why there is no link, in words for an operator; undefined while it is up, or was not lost yet. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get inFlightCount(): number {
    return this.#inFlight.size;
  }

  /** Resolves when the core is ready. Rejects when the first attempt fails; later ones are repeated until `close`. */
  connect(): Promise<void> {
    return new Promise((resolve, reject) => this.#open({ onReady: resolve, onFailure: reject }));
  }

  /** As `connect`, but the first attempt is one of many, and nobody waits for it. */
  start(): void {
    this.#open();
  }

  /** Never rejects. */
  request(what: LinkRequestWhat, bytes = 0): Promise<Ending> {
    const { clock, timeoutMs, inFlightMax } = this.#options;
    if (this.#state.type !== 'up') return Promise.resolve(unavailable);
    if (this.#inFlight.size >= inFlightMax) return Promise.resolve({ type: 'failed', why: 'overloaded' });
    const id = this.#nextId();
    const { promise, resolve } = Promise.withResolvers<Ending>();
    this.#inFlight.set(id, { dueMs: clock.monotonicMs() + timeoutMs, end: resolve, hasLeft: false });
    this.#requests.push({ id, ...what });
    this.#state.writer.added(itemBytes + bytes);
    return promise;
  }

  /** Resolves when the core has the interest in force. Without a link it comes into force when there is one: see `topics`. */
  follow(topic: string): Promise<void> {
    if (this.#state.type !== 'up')
      return Promise.reject(new StoreFailure('unavailable', 'the link to the core is down'));
    this.#interests.set(topic, true);
    this.#state.writer.added(itemBytes);
    this.#barrier ??= this.#passBarrier();
    return this.#barrier;
  }

  unfollow(topic: string): void {
    if (this.#state.type !== 'up') return;
    this.#interests.set(topic, false);
    this.#state.writer.added(itemBytes);
  }

  /** Rejects without a link: nothing was published. */
  publish(events: readonly LinkEvent[]): Promise<void> {
    if (this.#state.type !== 'up')
      return Promise.reject(new StoreFailure('unavailable', 'the link to the core is down'));
    this.#published.push(...events);
    this.#state.writer.added(itemBytes * events.length);
    return accepted;
  }

  /** Shared by the interests of one batch. */
  async #passBarrier(): Promise<void> {
    const ending = await this.request({ what: 'barrier', barrier: {} });
    if (ending.type !== 'done') throw new StoreFailure('unavailable', 'the core did not confirm a subscription');
  }

  async close(): Promise<void> {
    const state = this.#state;
    this.#state = { type: 'closed' };
    this.#closing.abort();
    this.#sweep.cancel();
    this.#asking?.cancel();
    this.#failAll();
    if (state.type !== 'up' && state.type !== 'connecting') return;
    state.writer.close();
    const ended = new Promise<void>((resolve) => state.stream.once('end', () => resolve()));
    state.stream.end();
    await Promise.race([ended, sleep(this.#options.clock, { delayMs: closeTimeoutMs })]);
    state.stream.cancel();
    state.client.close();
  }

  #open(first?: { readonly onReady: () => void; readonly onFailure: (error: Error) => void }): void {
    const { target, node, clock } = this.#options;
    const address = target.type === 'socket' ? `unix:${target.path}` : target.address;
    const client = new Client(address, channelCredentials(target), { ...channelOptions, ...nameOption });
    const { path } = linkMethod;
    const stream: Stream = client.makeBidiStreamRequest(path, passThrough, decodeDown);
    const writer = new BatchWriter({ stream, take: () => this.#take() });
    const late = clock.after(readyTimeoutMs, () => end(new Error('the core did not say that it is ready')));
    let isEnded = false;
    const end = (error: Error) => {
      if (isEnded) return;
      isEnded = true;
      late.cancel();
      writer.close();
      stream.cancel();
      client.close();
      if (this.#state.type === 'closed') return;
      if (first) return first.onFailure(error);
      this.#lost(error);
    };
    this.#state = { type: 'connecting', stream, client, writer, end };
    const nonce = newNonce();
    let isProved = target.type === 'socket';
    stream.on('data', (down: LinkDown) => {
      // What the core says while a close waits for its end: that it is ready, too.
      if (isEnded || this.#state.type === 'closed') return;
      this.#heardMs = clock.monotonicMs();
      if (down.challenge) isProved = this.#prove(down.challenge, { nonce, stream, end });
      if (down.ready) {
        if (!isProved) return end(new Error('the core did not prove that it knows the secret'));
        late.cancel();
        this.#ready({ type: 'up', stream, client, writer, end }, first === undefined);
        first?.onReady();
        first = undefined;
      }
      this.#received(down);
    });
    stream.on('error', end);
    stream.on('end', () => end(new Error('the core ended the link')));
    stream.write(encodeUp({ hello: { node, contract: contractVersion, nonce } }));
  }

  /** [N8] Either side knows the secret, or the link ends here. Returns whether the core does. */
  #prove(
    { nonce: ofCore, proof }: LinkChallenge,
    {
      nonce,
      stream,
      end,
    }: { readonly nonce: Uint8Array; readonly stream: Stream; readonly end: (error: Error) => void },
  ): boolean {
    const { target } = this.#options;
    const nonces = { gateway: nonce, core: ofCore };
    if (target.type !== 'tcp') end(new Error('a core on a socket asks for no proof'));
    else if (!isProof(proof, proofOf(target.security.secret, 'core', nonces)))
      end(new Error('the core does not know the secret of the link'));
    else {
      stream.write(encodeUp({ proof: proofOf(target.security.secret, 'gateway', nonces) }));
      return true;
    }
    return false;
  }

  /** A core that is stopped, or behind a cut network, closes no connection: only its silence tells. */
  #ask(): void {
    const { clock, silentMsMax = 0 } = this.#options;
    const nowMs = clock.monotonicMs();
    // This process was late itself: answers may wait to be read.
    const isLate = nowMs - this.#askedMs > 2 * askEveryMs;
    this.#askedMs = nowMs;
    if (this.#state.type !== 'up') return;
    if (!isLate && nowMs - this.#heardMs > silentMsMax)
      return this.#state.end(new Error(`the core was silent for ${silentMsMax} ms`));
    void this.request({ what: 'barrier', barrier: {} });
  }

  #ready(state: Extract<State, { type: 'connecting' | 'up' }>, isAgain: boolean): void {
    this.#state = state;
    this.#failures = 0;
    this.#problem = undefined;
    this.#interests = new Map([...this.#options.topics()].map((topic) => [topic, true]));
    if (this.#interests.size > 0) state.writer.added(itemBytes * this.#interests.size);
    if (!isAgain) return;
    this.#options.log.info('the link to the core is up again', this.#fields());
    this.#options.onLoss();
  }

  #lost(error: Error): void {
    const { log, clock, target } = this.#options;
    this.#problem = linkProblem(error, target);
    log.warn('the link to the core is lost', { ...this.#fields(), error: this.#problem });
    this.#state = { type: 'down' };
    this.#failAll();
    const delayMs = Math.min(backOffMs.max, backOffMs.first * 2 ** this.#failures++);
    void sleep(clock, { delayMs, signal: this.#closing.signal }).then(() => {
      if (this.#state.type === 'down') this.#open();
    });
  }

  #received({ hasLostEvents, events, answers, done }: LinkDown): void {
    if (hasLostEvents) {
      this.#options.log.warn('the core dropped events for this gateway');
      this.#options.onLoss();
    }
    if (events.length > 0) this.#options.onEvents(events);
    for (const answer of answers) this.#end(answer.id, { type: 'answered', answer });
    for (const id of done) this.#end(id, { type: 'done' });
  }

  #end(id: number, ending: Ending): void {
    const request = this.#inFlight.get(id);
    if (!request) return;
    this.#inFlight.delete(id);
    request.end(ending);
  }

  #take(): readonly Buffer[] {
    const [requests, interests, published] = [this.#requests, this.#interests, this.#published];
    this.#requests = [];
    this.#published = [];
    this.#interests = new Map();
    this.#barrier = undefined;
    for (const { id } of requests) {
      const request = this.#inFlight.get(id);
      if (request) request.hasLeft = true;
    }
    const wanted = [...interests].map(([topic, isWanted]) => ({ topic, isWanted }));
    return messagesOf({ interests: wanted, requests, published }, encodeUp);
  }

  /** What has not left by its deadline must not leave later: its sender was told that nothing happened. */
  #endOverdue(): void {
    const nowMs = this.#options.clock.monotonicMs();
    const kept = new Set<number>();
    for (const [id, { dueMs, hasLeft, end }] of this.#inFlight) {
      if (dueMs > nowMs) break;
      this.#inFlight.delete(id);
      if (!hasLeft) kept.add(id);
      end({ type: 'failed', why: hasLeft ? 'unknown' : 'unavailable' });
    }
    if (kept.size > 0) this.#requests = this.#requests.filter(({ id }) => !kept.has(id));
  }

  #failAll(): void {
    const lost = [...this.#inFlight.values()];
    this.#inFlight = new TransientMap();
    this.#requests = [];
    this.#published = [];
    this.#interests.clear();
    this.#barrier = undefined;
    for (const { end, hasLeft } of lost) end({ type: 'failed', why: hasLeft ? 'unknown' : 'unavailable' });
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
