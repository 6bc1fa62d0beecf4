// A request while it passes the steps of the pipeline.

import { assert } from '@hongyan/base/assert';
import type { ErrorCode } from '@hongyan/protocol/codes';
import type { OperationName } from '@hongyan/protocol/operations/operations';
import type { VerifiedToken } from '../../ports/tokens/tokens.ts';
import type { AuthenticatedCaller, HelloSender, InFlightCounter, Sender } from './sender.ts';

export type Outcome = 'ok' | ErrorCode;

export interface RequestContext {
  readonly name: OperationName | 'hello';
  readonly sender: Sender | HelloSender;
  /** Set by `authenticate`; a connection was authenticated by its hello. */
  caller: AuthenticatedCaller | undefined;
  /** Set by `authenticate` for a bearer token. */
  verified: VerifiedToken | undefined;
  /** Set by `in_flight`; to be released when the request ends. */
  counter: InFlightCounter | undefined;
  outcome: Outcome;
}

export const contextOf = (name: RequestContext['name'], sender: RequestContext['sender']): RequestContext => ({
  name,
  sender,
  caller: sender.type === 'connection' ? sender.caller : undefined,
  verified: undefined,
  counter: undefined,
  outcome: 'ok',
});

export function callerIn({ caller }: RequestContext): AuthenticatedCaller {
  assert(caller !== undefined, 'the sender was authenticated by an earlier step');
  return caller;
}
