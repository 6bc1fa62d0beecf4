// The Core interface over a link: builds the request of each method, and turns its outcome into the method's result.

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
import type { RequestOutcome } from './client-stream.ts';
import type { LinkRequestBody } from './wire.ts';
import { toProblem } from './wire-values.ts';

export interface CoreRequest {
  readonly name: string;
  readonly body: LinkRequestBody;
  /** Approximate size of its text. */
  readonly bytes: number;
  /** Requests with the same key take effect in their order. */
  readonly key: string;
  /** Idempotent. */
  readonly isRepeatable: boolean;
  /** Whether the outcome proves that the request changed nothing. */
  readonly provesNoEffect: (outcome: RequestOutcome) => boolean;
}

export interface CoreLink {
  /** Never rejects. */
  readonly request: (request: CoreRequest) => Promise<RequestOutcome>;
  readonly isUp: () => boolean;
  /** The core stores the sessions that were opened over the link: calls carry the session id instead of the caller. */
  readonly namesSessions: boolean;
}

export function linkedCore(link: CoreLink): Core {
  const calls = operationNames.filter(isCoreOperation).map((name) => [name, linkedOperation(link, name)]);
  return {
    ...(Object.fromEntries(calls) as CoreOperations),
    ...(Object.fromEntries(
      gatewayQuestions.map((name) => [name, linkedQuery(link, name)]),
    ) as unknown as GatewayQuestions),
    openSession: (opening) => openSession(link, opening),
    closeSession: ({ caller }) => closeSession(link, caller),
  };
}

const isCoreOperation = (name: OperationName): name is CoreOperation => name !== 'route';

function linkedOperation<N extends CoreOperation>({ request, namesSessions }: CoreLink, operation: N) {
  return async (caller: CallerOf<N>, input: Input<N>): Promise<Result<Output<N>>> => {
    const inputJson = JSON.stringify(input);
    const callerFields =
      namesSessions && 'sessionId' in caller && caller.sessionId !== undefined
        ? { sessionId: caller.sessionId, traceparent: caller.trace }
        : { callerJson: JSON.stringify(caller) };
    const outcome = await request({
      name: operation,
      body: { what: 'call', call: { operation, ...callerFields, inputJson } },
      bytes: inputJson.length,
      key: keyOf(caller),
      isRepeatable: isRepeatable(operation),
      provesNoEffect: operations[operation].changes ? provesNoEffect : noProofNeeded,
    });
    return resultOf<Output<N>>(outcome, operations[operation].changes);
  };
}

/** Keeps the order of one user's operations, of one API key's, and of one address's where there is neither. */
function keyOf(caller: AnonymousCaller & Partial<Caller> & Partial<SignedCaller>): string {
  return caller.userId ?? caller.keyId ?? caller.address;
}

function linkedQuery({ request }: CoreLink, operation: keyof GatewayQuestions) {
  return async (input: unknown): Promise<Result<unknown>> => {
    const inputJson = JSON.stringify(input);
    const call = { operation, callerJson: noCaller, inputJson };
    const body = { what: 'call', call } as const;
    return resultOf(
      await request({
        ...{ name: operation, body, bytes: inputJson.length, key: inputJson },
        ...{ isRepeatable: true, provesNoEffect: noProofNeeded },
      }),
      false,
    );
  };
}

const noCaller = '{}';

async function openSession(link: CoreLink, { caller, clientName }: SessionOpening): Promise<Result<OpenedSession>> {
  const callerJson = JSON.stringify(caller);
  const outcome = await link.request({
    name: 'openSession',
    body: { what: 'open', open: { callerJson, clientName } },
    bytes: callerJson.length,
    key: caller.userId,
    isRepeatable: true,
    provesNoEffect: noProofNeeded,
  });
  // The core may have opened it after all, and no connection uses it.
  if (outcome.type === 'failed' && outcome.reason === 'unknown') void link.request(closeRequest(link, caller));
  return resultOf<OpenedSession>(outcome, false);
}

async function closeSession(link: CoreLink, caller: DeviceCaller): Promise<void> {
  // When a link ends, the core closes its sessions.
  if (!link.isUp()) return;
  const outcome = await link.request(closeRequest(link, caller));
  if (outcome.type !== 'done' && link.isUp()) throw new StoreFailure('unavailable', 'the core did not close a session');
}

function closeRequest({ namesSessions }: CoreLink, caller: DeviceCaller): CoreRequest {
  const { sessionId, userId: key } = caller;
  const close = namesSessions ? { sessionId } : { sessionId, callerJson: JSON.stringify(caller) };
  return {
    ...{ name: 'closeSession', body: { what: 'close', close }, bytes: 0, key },
    ...{ isRepeatable: true, provesNoEffect: noProofNeeded },
  };
}

/** For reads and idempotent requests: an earlier attempt that took effect does no harm. */
const noProofNeeded = (): boolean => false;

/** A refusal, a failure, or an acknowledgement that nothing had to change. */
function provesNoEffect(outcome: RequestOutcome): boolean {
  switch (outcome.type) {
    case 'done':
      return false;
    case 'failed':
      return true;
    case 'answered':
      return (
        outcome.answer.result !== 'outputJson' ||
        (JSON.parse(outcome.answer.outputJson) as { readonly unchanged?: unknown }).unchanged === true
      );
    default:
      return unreachable(outcome);
  }
}

/** Throws for a bug in the core, as a local core would. */
function resultOf<T>(outcome: RequestOutcome, changes: boolean): Result<T> {
  switch (outcome.type) {
    case 'done':
      return done as Result<T>;
    case 'failed':
      return failureOf(outcome.reason, changes);
    case 'answered': {
      const { answer } = outcome;
      if (answer.result === 'outputJson') return ok(JSON.parse(answer.outputJson) as T);
      assert(answer.result === 'problem', 'an answer is an output or a problem');
      const problem = toProblem(answer.problem);
      if (problem.type === 'bug') throw new Error('the core failed to answer');
      return problem;
    }
    default:
      return unreachable(outcome);
  }
}

/** Only an operation that changes something can have an unknown outcome. */
function failureOf(reason: Extract<RequestOutcome, { type: 'failed' }>['reason'], changes: boolean) {
  switch (reason) {
    case 'overloaded':
      return failure.overloaded('requests pending at the core');
    case 'unknown':
      return changes ? failure.unknownOutcome() : failure.coreUnreachable();
    case 'unavailable':
      return failure.coreUnreachable();
    default:
      return unreachable(reason);
  }
}
