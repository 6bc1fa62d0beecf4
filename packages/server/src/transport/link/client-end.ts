// The core as seen from another process: the same interface and the same bus, over the link.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { ErrorCode } from '@hongyan/protocol/codes';
import { isKeyStorable } from '../../domain/message.ts';
import type { Core, Outcome, Refusal } from '../../ports/core/core.ts';
import type { EventBus } from '../../ports/event-bus/event-bus.ts';
import { createMemoryEventBus } from '../../ports/event-bus/memory-event-bus.ts';
import { StoreFailure, type StoreFailureCode } from '../../ports/store-failure.ts';
import { CoreLink, type Ending } from './client-stream.ts';
import {
  fromCommitted,
  fromEvent,
  fromRefusal,
  type QuestionMethod,
  questions,
  toEvent,
  toSend,
} from './wire-values.ts';

export interface CoreClientOptions {
  readonly socketPath: string;
  /** The name of this gateway process, in the session registry and in the core's log. */
  readonly node: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly timeoutMs: number;
  readonly inFlightMax: number;
}

export interface CoreClient {
  /** While the link is down it refuses with `unavailable`; what may have taken effect is `unknown_outcome`. */
  readonly core: Core;
  /** After the link was down, or the core dropped events, listeners hear `onLoss`. */
  readonly bus: EventBus;
  isUp(): boolean;
  /** The core then ends the sessions opened from here. */
  close(): Promise<void>;
}

/** Rejects when the core cannot be reached at first; from then on the link comes back by itself. */
export async function connectCore(options: CoreClientOptions): Promise<CoreClient> {
  const local = createMemoryEventBus({
    onFirst: (topic) => link.follow(topic, true),
    onLast: (topic) => link.follow(topic, false),
  });
  const link = new CoreLink({
    ...options,
    onEvents: (events) => {
      for (const event of events) local.publish(fromEvent(event));
    },
    onLoss: () => local.reportLoss(),
    topics: () => local.topics(),
  });
  await link.connect();
  return {
    core: remoteCore(link),
    bus: { attach: local.attach, publish: (events) => link.publish(events.map(toEvent)) },
    isUp: () => link.isUp,
    close: () => link.close(),
  };
}

/** What a rejected call says where the interface has no refusal. */
class LinkFailure extends StoreFailure {
  override readonly name = 'LinkFailure';
  constructor(readonly errorCode: StoreFailureCode) {
    super(`the core did not answer: ${errorCode}`);
  }
}

const done = { type: 'ok', value: undefined } as const;
const badKey: Refusal = { type: 'refused', code: 'bad_request', message: 'client_msg_id is not valid Unicode' };

function remoteCore(link: CoreLink): Core {
  const asked = Object.keys(questions).map((name) => {
    const method = name as QuestionMethod;
    return [method, (...values: unknown[]) => ask(link, method, values)] as const;
  });
  return {
    // Each has the signature of its method: arguments go out and the value comes back as JSON.
    ...(Object.fromEntries(asked) as unknown as Pick<Core, QuestionMethod>),
    async send(command) {
      // UTF-8 cannot carry such a key: on the other side it would be another one [D3].
      if (!isKeyStorable(command.clientMsgId)) return badKey;
      const send = toSend(command);
      const ending = await link.request({ what: 'send', send }, send.contentJson.length);
      if (ending.type === 'answered' && ending.answer.result === 'committed')
        return { type: 'ok', value: fromCommitted(ending.answer.committed) };
      return refusalOfEnding(ending, true);
    },
    async advance({ actor, conversationId, deliveredSeq, readSeq }) {
      const advance = { ...actor, conversationId, deliveredSeq, readSeq };
      const ending = await link.request({ what: 'advance', advance });
      return ending.type === 'done' ? done : refusalOfEnding(ending, false);
    },
    async open({ actor, sessionId }) {
      const session = { ...actor, sessionId };
      const ending = await link.request({ what: 'open', open: session });
      if (ending.type === 'answered' && ending.answer.result === 'opened')
        return { conversationIds: [...ending.answer.opened.conversationIds] as never[] };
      // It may be open there all the same; nobody here will use it.
      if (ending.type === 'failed' && ending.why === 'unknown') void link.request({ what: 'close', close: session });
      throw failureOfEnding(ending, false);
    },
    async close({ actor, sessionId }) {
      // Without the link the core has ended the session by itself.
      if (!link.isUp) return;
      const ending = await link.request({ what: 'close', close: { ...actor, sessionId } });
      if (ending.type !== 'done' && link.isUp) throw failureOfEnding(ending, false);
    },
  };
}

async function ask(link: CoreLink, method: QuestionMethod, values: readonly unknown[]): Promise<unknown> {
  const argumentsJson = JSON.stringify(values);
  const ending = await link.request({ what: 'question', question: { method, argumentsJson } }, argumentsJson.length);
  if (ending.type === 'answered' && ending.answer.result === 'valueJson') return JSON.parse(ending.answer.valueJson);
  const { gives, changes } = questions[method];
  if (gives === 'outcome') return refusalOfEnding(ending, changes);
  throw failureOfEnding(ending, changes);
}

/** Throws what the core threw. */
function refusalOfEnding(ending: Ending, changes: boolean): Extract<Outcome<never>, { type: 'refused' }> {
  if (ending.type === 'answered' && ending.answer.result === 'refusal') return fromRefusal(ending.answer.refusal);
  if (ending.type !== 'failed') throw failureOfEnding(ending, changes);
  switch (codeOf(ending.why, changes)) {
    case 'overloaded':
      return { ...refused('overloaded', 'too many requests wait for the core'), retryAfterMs: 1000 };
    case 'unknown_outcome':
      return refused(
        'unknown_outcome',
        'the outcome is unknown: ask for it, or send again with the same client_msg_id',
      );
    default:
      return { ...refused('unavailable', 'the core does not answer'), retryAfterMs: 1000 };
  }
}

const refused = (code: ErrorCode, message: string): Refusal => ({ type: 'refused', code, message });

function failureOfEnding(ending: Ending, changes: boolean): LinkFailure {
  if (ending.type === 'failed') return new LinkFailure(codeOf(ending.why, changes));
  const isFailure = ending.type === 'answered' && ending.answer.result === 'failure';
  return new LinkFailure(isFailure ? (ending.answer.failure.code as StoreFailureCode) : 'internal');
}

/** Only what changes something leaves doubt behind. */
function codeOf(why: Extract<Ending, { type: 'failed' }>['why'], changes: boolean): StoreFailureCode {
  if (why === 'unknown') return changes ? 'unknown_outcome' : 'unavailable';
  return why;
}
