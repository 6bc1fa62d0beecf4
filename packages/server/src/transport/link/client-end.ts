// The core as a gateway process sees it: the same interface and the same bus, over the link.

import { assert, unreachable } from '@hongyan/base/assert';
import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { done, ok, StoreFailure } from '@hongyan/base/result';
import {
  type Input,
  type OperationName,
  type Output,
  operationNames,
  operations,
} from '@hongyan/protocol/operations/operations';
import { failure, type Result } from '@hongyan/protocol/refusals';
import type {
  CallerOf,
  Core,
  CoreOperation,
  CoreOperations,
  DeviceCaller,
  GatewayQuestions,
  OpenedSession,
  SessionOpening,
} from '../../ports/core/core.ts';
import { gatewayQuestions } from '../../ports/core/core.ts';
import type { BusAttachment, BusEvent, BusListener, EventBus } from '../../ports/event-bus/event-bus.ts';
import { MemoryEventBus } from '../../ports/event-bus/memory-event-bus.ts';
import { ClientStream, type Ending } from './client-stream.ts';
import { fromEvent, toEvent, toProblem } from './wire-values.ts';

export interface CoreClientOptions {
  readonly socketPath: string;
  /** The name of this gateway process, in the session registry and in the core's log. */
  readonly node: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly timeoutMs: number;
  readonly inFlightMax: number;
}

export class CoreClient {
  /** While the link is down operations fail as `unavailable`; those that may have taken effect as `unknown_outcome`. */
  readonly core: Core;
  /** After the link was down, or the core dropped events, listeners hear `onLoss`. */
  readonly bus: EventBus;
  readonly #stream: ClientStream;

  /** Rejects when the core cannot be reached at first; from then on the link comes back by itself. */
  static async connect(options: CoreClientOptions): Promise<CoreClient> {
    const client = new CoreClient(options);
    await client.#stream.connect();
    return client;
  }

  private constructor(options: CoreClientOptions) {
    const local = new MemoryEventBus({
      onFirst: (topic) => this.#stream.follow(topic),
      onLast: (topic) => this.#stream.unfollow(topic),
    });
    this.#stream = new ClientStream({
      ...options,
      onEvents: (events) => {
        for (const event of events) void local.publish(fromEvent(event));
      },
      onLoss: () => local.reportLoss(),
      topics: () => local.topics(),
    });
    this.bus = new LinkedBus(local, this.#stream);
    this.core = linkedCore(this.#stream);
  }

  get isUp(): boolean {
    return this.#stream.isUp;
  }

  /** Requests that the core has not answered yet. */
  get inFlightCount(): number {
    return this.#stream.inFlightCount;
  }

  /** The core then closes the sessions opened from here. */
  close(): Promise<void> {
    return this.#stream.close();
  }
}

class LinkedBus implements EventBus {
  readonly #local: MemoryEventBus;
  readonly #stream: ClientStream;

  constructor(local: MemoryEventBus, stream: ClientStream) {
    this.#local = local;
    this.#stream = stream;
  }

  publish(events: readonly BusEvent[]): Promise<void> {
    return this.#stream.publish(events.map(toEvent));
  }

  attach(listener: BusListener): BusAttachment {
    return this.#local.attach(listener);
  }
}

const isCoreOperation = (name: OperationName): name is CoreOperation => name !== 'route';

function linkedCore(stream: ClientStream): Core {
  const calls = operationNames.filter(isCoreOperation).map((name) => [name, linkedOperation(stream, name)]);
  return {
    ...(Object.fromEntries(calls) as CoreOperations),
    ...(Object.fromEntries(
      gatewayQuestions.map((name) => [name, linkedQuestion(stream, name)]),
    ) as unknown as GatewayQuestions),
    openSession: (opening) => openSession(stream, opening),
    closeSession: ({ caller }) => closeSession(stream, caller),
  };
}

function linkedOperation<N extends CoreOperation>(stream: ClientStream, operation: N) {
  return async (caller: CallerOf<N>, input: Input<N>): Promise<Result<Output<N>>> => {
    const inputJson = JSON.stringify(input);
    const sender =
      'sessionId' in caller && caller.sessionId !== undefined
        ? { sessionId: caller.sessionId, traceparent: caller.trace }
        : { callerJson: JSON.stringify(caller) };
    const ending = await stream.request({ what: 'call', call: { operation, ...sender, inputJson } }, inputJson.length);
    return resultOf<Output<N>>(ending, operations[operation].changes);
  };
}

function linkedQuestion(stream: ClientStream, operation: keyof GatewayQuestions) {
  return async (input: unknown): Promise<Result<unknown>> => {
    const inputJson = JSON.stringify(input);
    const call = { operation, callerJson: noCaller, inputJson };
    return resultOf(await stream.request({ what: 'call', call }, inputJson.length), false);
  };
}

const noCaller = '{}';

async function openSession(
  stream: ClientStream,
  { caller, clientName }: SessionOpening,
): Promise<Result<OpenedSession>> {
  const open = { callerJson: JSON.stringify(caller), clientName };
  const ending = await stream.request({ what: 'open', open });
  // It may be open there all the same, and nobody here will use it.
  if (ending.type === 'failed' && ending.why === 'unknown')
    void stream.request({ what: 'close', close: { sessionId: caller.sessionId } });
  return resultOf<OpenedSession>(ending, false);
}

async function closeSession(stream: ClientStream, { sessionId }: DeviceCaller): Promise<void> {
  // Without the link the core has closed the session by itself.
  if (!stream.isUp) return;
  const ending = await stream.request({ what: 'close', close: { sessionId } });
  if (ending.type !== 'done' && stream.isUp) throw new StoreFailure('unavailable', 'the core did not close a session');
}

/** Throws for a bug of the core's side, as the core itself would. */
function resultOf<T>(ending: Ending, changes: boolean): Result<T> {
  switch (ending.type) {
    case 'done':
      return done as Result<T>;
    case 'failed':
      return failureOf(ending.why, changes);
    case 'answered': {
      const { answer } = ending;
      if (answer.result === 'outputJson') return ok(JSON.parse(answer.outputJson) as T);
      assert(answer.result === 'problem', 'an answer is an output or a problem');
      const problem = toProblem(answer.problem);
      if (problem.type === 'bug') throw new Error('the core failed to answer');
      return problem;
    }
    default:
      return unreachable(ending);
  }
}

/** Only operations that change something leave doubt behind. */
function failureOf(why: Extract<Ending, { type: 'failed' }>['why'], changes: boolean) {
  switch (why) {
    case 'overloaded':
      return failure.overloaded('requests wait for the core');
    case 'unknown':
      return changes ? failure.unknownOutcome() : failure.coreUnreachable();
    case 'unavailable':
      return failure.coreUnreachable();
    default:
      return unreachable(why);
  }
}
