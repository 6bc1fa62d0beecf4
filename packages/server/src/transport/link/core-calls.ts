// The Core interface made of requests on a link: what is asked, and what an ending means to the caller.

import { assert, unreachable } from '@hongyan/base/assert';
import { done, ok, StoreFailure } from '@hongyan/base/result';
import {
  type Input,
  type OperationName,
  type Output,
  operationNames,
  operations,
} from '@hongyan/protocol/operations/operations';
import { isRepeatable } from '@hongyan/protocol/operations/repeatable';
import { failure, type Result } from '@hongyan/protocol/refusals';
import type {
  AnonymousCaller,
  Caller,
  CallerOf,
  Core,
  CoreOperation,
  CoreOperations,
  DeviceCaller,
  GatewayQuestions,
  OpenedSession,
  SessionOpening,
  SignedCaller,
} from '../../ports/core/core.ts';
import { gatewayQuestions } from '../../ports/core/core.ts';
import type { Ending } from './client-stream.ts';
import type { LinkRequestWhat } from './wire.ts';
import { toProblem } from './wire-values.ts';

export interface Question {
  readonly name: string;
  readonly what: LinkRequestWhat;
  /** Of the text that it carries. */
  readonly bytes: number;
  /** Whose it is: questions with the same key take effect in their order. */
  readonly key: string;
  /** Asked twice it has the effect of once. */
  readonly isRepeatable: boolean;
  /** By this ending nothing was changed that was to be changed. */
  readonly saysNothingDone: (ending: Ending) => boolean;
}

export interface CoreLink {
  /** Never rejects. */
  readonly ask: (question: Question) => Promise<Ending>;
  readonly isUp: () => boolean;
  /** The core knows the sessions that were opened over the link: calls name them instead of their caller. */
  readonly namesSessions: boolean;
}

export function linkedCore(link: CoreLink): Core {
  const calls = operationNames.filter(isCoreOperation).map((name) => [name, linkedOperation(link, name)]);
  return {
    ...(Object.fromEntries(calls) as CoreOperations),
    ...(Object.fromEntries(
      gatewayQuestions.map((name) => [name, linkedQuestion(link, name)]),
    ) as unknown as GatewayQuestions),
    openSession: (opening) => openSession(link, opening),
    closeSession: ({ caller }) => closeSession(link, caller),
  };
}

const isCoreOperation = (name: OperationName): name is CoreOperation => name !== 'route';

function linkedOperation<N extends CoreOperation>({ ask, namesSessions }: CoreLink, operation: N) {
  return async (caller: CallerOf<N>, input: Input<N>): Promise<Result<Output<N>>> => {
    const inputJson = JSON.stringify(input);
    const sender =
      namesSessions && 'sessionId' in caller && caller.sessionId !== undefined
        ? { sessionId: caller.sessionId, traceparent: caller.trace }
        : { callerJson: JSON.stringify(caller) };
    const ending = await ask({
      name: operation,
      what: { what: 'call', call: { operation, ...sender, inputJson } },
      bytes: inputJson.length,
      key: keyOf(caller),
      isRepeatable: isRepeatable(operation),
      saysNothingDone: operations[operation].changes ? saysNothingDone : isNeverInDoubt,
    });
    return resultOf<Output<N>>(ending, operations[operation].changes);
  };
}

/** A user's operations come one after another; so do the attempts of an address, and the requests of a key. */
function keyOf(caller: AnonymousCaller & Partial<Caller> & Partial<SignedCaller>): string {
  return caller.userId ?? caller.keyId ?? caller.address;
}

function linkedQuestion({ ask }: CoreLink, operation: keyof GatewayQuestions) {
  return async (input: unknown): Promise<Result<unknown>> => {
    const inputJson = JSON.stringify(input);
    const call = { operation, callerJson: noCaller, inputJson };
    const what = { what: 'call', call } as const;
    return resultOf(
      await ask({
        ...{ name: operation, what, bytes: inputJson.length, key: inputJson },
        ...{ isRepeatable: true, saysNothingDone: isNeverInDoubt },
      }),
      false,
    );
  };
}

const noCaller = '{}';

async function openSession(link: CoreLink, { caller, clientName }: SessionOpening): Promise<Result<OpenedSession>> {
  const callerJson = JSON.stringify(caller);
  const ending = await link.ask({
    name: 'openSession',
    what: { what: 'open', open: { callerJson, clientName } },
    bytes: callerJson.length,
    key: caller.userId,
    isRepeatable: true,
    saysNothingDone: isNeverInDoubt,
  });
  // It may be open there all the same, and nobody here will use it.
  if (ending.type === 'failed' && ending.why === 'unknown') void link.ask(closing(link, caller));
  return resultOf<OpenedSession>(ending, false);
}

async function closeSession(link: CoreLink, caller: DeviceCaller): Promise<void> {
  // Without the link the core has closed the session by itself.
  if (!link.isUp()) return;
  const ending = await link.ask(closing(link, caller));
  if (ending.type !== 'done' && link.isUp()) throw new StoreFailure('unavailable', 'the core did not close a session');
}

function closing({ namesSessions }: CoreLink, caller: DeviceCaller): Question {
  const { sessionId, userId: key } = caller;
  const close = namesSessions ? { sessionId } : { sessionId, callerJson: JSON.stringify(caller) };
  return {
    ...{ name: 'closeSession', what: { what: 'close', close }, bytes: 0, key },
    ...{ isRepeatable: true, saysNothingDone: isNeverInDoubt },
  };
}

/** Of a question that changes nothing, or that does no harm when its first asking does. */
const isNeverInDoubt = (): boolean => false;

/** A refusal, a failure, or an acknowledgement that it was so already. */
function saysNothingDone(ending: Ending): boolean {
  switch (ending.type) {
    case 'done':
      return false;
    case 'failed':
      return true;
    case 'answered':
      return (
        ending.answer.result !== 'outputJson' ||
        (JSON.parse(ending.answer.outputJson) as { readonly unchanged?: unknown }).unchanged === true
      );
    default:
      return unreachable(ending);
  }
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
