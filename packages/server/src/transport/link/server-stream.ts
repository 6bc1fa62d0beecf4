// One gateway process as the core sees it: its requests answered, its topics followed, its sessions ended with the link.

import { type ServerDuplexStream, status } from '@grpc/grpc-js';
import type { Log } from '@hongyan/base/log';
import type { Actor, Core, Outcome } from '../../ports/core/core.ts';
import type { BusAttachment, BusEvent, EventBus, Topic } from '../../ports/event-bus/event-bus.ts';
import { refusalOf } from '../../ports/store-failure.ts';
import { BatchWriter } from './batch-writer.ts';
import * as link from './wire.ts';
import { fromEvent, fromSend, questions, toActor, toEvent } from './wire-values.ts';

export interface GatewayLinkOptions {
  readonly core: Core;
  readonly bus: EventBus;
  readonly log: Log;
  readonly backlogBytesMax: number;
}

/** What an item of a batch takes beside its texts, roughly. */
const itemBytes = 50;

export class GatewayLink {
  /** Resolves when the link is gone and its sessions are closed. Never rejects. */
  readonly ended: Promise<void>;
  readonly #options: GatewayLinkOptions;
  readonly #stream: ServerDuplexStream<link.Up, Buffer>;
  readonly #writer: BatchWriter;
  readonly #bus: BusAttachment;
  readonly #sessions = new Map<string, Actor>();
  readonly #resolveEnded: () => void;
  #node = '';
  #isOver = false;
  #events: (link.Event & { topics: string[] })[] = [];
  #answers: link.Answer[] = [];
  #done: number[] = [];
  #hasLostEvents = false;

  constructor(stream: ServerDuplexStream<link.Up, Buffer>, options: GatewayLinkOptions) {
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
    stream.on('data', (up: link.Up) => this.#received(up));
    stream.on('end', () => this.end());
    stream.on('error', (error) => this.#over(error.message));
    stream.on('cancelled', () => this.#over('cut'));
    stream.on('close', () => this.#over('closed'));
  }

  end(): void {
    this.#stream.end();
    this.#over('ended');
  }

  #received({ hello, interests, requests, published }: link.Up): void {
    if (this.#isOver) return;
    if (hello) this.#greet(hello);
    for (const { topic, isWanted } of interests) {
      if (isWanted) this.#bus.subscribe([topic as Topic]);
      else this.#bus.unsubscribe([topic as Topic]);
    }
    for (const request of requests) this.#begin(request);
    for (const event of published) this.#options.bus.publish(fromEvent(event));
    // Answers that the gateway does not read must not pile up: it is not heard until it does.
    if (this.#writer.isHeldBack) this.#stream.pause();
  }

  #greet({ node, contract }: link.Hello): void {
    if (contract !== link.contractVersion) {
      const details = `this core speaks version ${link.contractVersion} of the link, the gateway ${contract}`;
      // How grpc-js ends a stream with a status of its handler's choice.
      this.#stream.emit('error', Object.assign(new Error(details), { code: status.FAILED_PRECONDITION, details }));
      return;
    }
    this.#node = node;
    this.#stream.write(link.encodeDown({ ready: {} }));
    this.#options.log.info('gateway joined', { node });
  }

  #begin(request: link.Request): void {
    const { core } = this.#options;
    const { id } = request;
    switch (request.what) {
      case 'send':
        return this.#answer(id, core.send(fromSend(request.send)), (outcome) => this.#committed(id, outcome));
      case 'advance': {
        const { conversationId, deliveredSeq, readSeq } = request.advance;
        const receipt = { actor: toActor(request.advance), conversationId, deliveredSeq, readSeq };
        return this.#answer(id, core.advance(receipt as Parameters<Core['advance']>[0]), (outcome) => {
          if (outcome.type === 'ok') this.#succeed(id);
          else this.#add({ id, result: 'refusal', refusal: outcome });
        });
      }
      case 'open':
        return this.#answer(id, this.#open(request.open), (conversationIds) =>
          this.#add({ id, result: 'opened', opened: { conversationIds } }, conversationIds.length * itemBytes),
        );
      case 'close':
        return this.#answer(id, this.#close(request.close), () => this.#succeed(id));
      case 'question':
        return this.#answer(id, this.#ask(request.question), (value) => {
          const valueJson = JSON.stringify(value) ?? 'null';
          this.#add({ id, result: 'valueJson', valueJson }, valueJson.length);
        });
    }
  }

  #answer<T>(id: number, work: Promise<T>, tell: (value: T) => void): void {
    work.then(tell).catch((error: unknown) => {
      const { code } = refusalOf(error);
      if (code === 'internal') this.#options.log.error('request of a gateway failed', { node: this.#node, error });
      this.#add({ id, result: 'failure', failure: { code } });
    });
  }

  #committed(id: number, outcome: Outcome<link.Committed>): void {
    if (outcome.type === 'ok') this.#add({ id, result: 'committed', committed: outcome.value });
    else this.#add({ id, result: 'refusal', refusal: outcome });
  }

  async #ask({ method, argumentsJson }: link.Question): Promise<unknown> {
    if (!Object.hasOwn(questions, method)) throw new Error(`no question has the method ${method}`);
    const ask = this.#options.core[method as keyof typeof questions] as (...values: unknown[]) => Promise<unknown>;
    return ask.apply(this.#options.core, JSON.parse(argumentsJson) as unknown[]);
  }

  async #open(session: link.SessionOf): Promise<readonly string[]> {
    const { core } = this.#options;
    const { sessionId } = session;
    const actor = toActor(session);
    this.#sessions.set(sessionId, actor);
    const { conversationIds } = await core.open({ actor, sessionId, node: this.#node });
    // Closed, or left without its gateway, before it was open.
    if (!this.#sessions.has(sessionId)) await core.close({ actor, sessionId, node: this.#node });
    return conversationIds;
  }

  async #close(session: link.SessionOf): Promise<void> {
    const { sessionId } = session;
    this.#sessions.delete(sessionId);
    await this.#options.core.close({ actor: toActor(session), sessionId, node: this.#node });
  }

  /** [D8] A gateway that does not keep up costs the others nothing: what it cannot take is dropped, and it is told. */
  #onEvent(event: BusEvent): void {
    if (this.#writer.waitingBytes > this.#options.backlogBytesMax) return this.#onLoss();
    const last = this.#events.at(-1);
    if (event.type === 'frame' && last?.what === 'frame' && last.frame === event.frame) {
      last.topics.push(event.topic);
      return;
    }
    this.#events.push(toEvent(event) as link.Event & { topics: string[] });
    this.#writer.added(itemBytes + (event.type === 'frame' ? event.frame.length : 0));
  }

  #onLoss(): void {
    if (this.#hasLostEvents) return;
    this.#options.log.warn('events for a gateway are lost', { node: this.#node });
    this.#hasLostEvents = true;
    this.#writer.added(itemBytes);
  }

  #add(answer: link.Answer, bytes = 0): void {
    if (this.#isOver) return;
    this.#answers.push(answer);
    this.#writer.added(itemBytes + bytes);
  }

  #succeed(id: number): void {
    if (this.#isOver) return;
    this.#done.push(id);
    this.#writer.added(4);
  }

  #take(): Buffer | undefined {
    const [events, answers, done, hasLostEvents] = [this.#events, this.#answers, this.#done, this.#hasLostEvents];
    if (events.length + answers.length + done.length === 0 && !hasLostEvents) return undefined;
    this.#events = [];
    this.#answers = [];
    this.#done = [];
    this.#hasLostEvents = false;
    return link.encodeDown({ hasLostEvents, events, answers, done });
  }

  #over(why: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { core, log } = this.#options;
    this.#writer.close();
    this.#bus.detach();
    const sessions = [...this.#sessions];
    this.#sessions.clear();
    log.info('gateway left', { node: this.#node, why, sessions: sessions.length });
    const closings = sessions.map(([sessionId, actor]) => core.close({ actor, sessionId, node: this.#node }));
    void Promise.allSettled(closings).then((results) => {
      const failed = results.find((result) => result.status === 'rejected');
      if (failed) log.error('sessions of a gateway could not be closed', { node: this.#node, error: failed.reason });
      this.#resolveEnded();
    });
  }
}
