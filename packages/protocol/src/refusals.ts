// Every refusal and failure of an operation: its code, message and retry time. Error frames, problem+json and the link are built from
// it. Other files contain no wording of their own.

import { type Failed, type Ok, type Quota, type Refused, StoreFailure } from '@hongyan/base/result';
import type { ErrorCode } from './codes.ts';

export type { Quota };

export type FailureCode = Extract<ErrorCode, 'unavailable' | 'overloaded' | 'unknown_outcome'>;
export type RefusalCode = Exclude<ErrorCode, FailureCode | 'internal'>;

/** What an operation resolves with. A bug is thrown instead; the WebSocket and HTTP handlers report it as `internal`. */
export type Result<T> = Ok<T> | Refused<RefusalCode> | Failed<FailureCode>;
export type Problem =
  | Exclude<Result<never>, Ok<never>>
  | { readonly type: 'bug'; readonly code: 'internal'; readonly message: string };

const refused = (code: RefusalCode, message: string): Refused<RefusalCode> => ({ type: 'refused', code, message });
const limited = (message: string, retryAfterMs: number, quota?: Quota): Refused<RefusalCode> => ({
  ...refused('rate_limited', message),
  // Rounded up: a client that retries after this time is not too early.
  retryAfterMs: Math.ceil(retryAfterMs),
  ...(quota === undefined ? {} : { quota }),
});
const failed = (code: FailureCode, message: string, retryAfterMs?: number): Failed<FailureCode> => ({
  type: 'failed',
  code,
  message,
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
});

/** Errors of the caller: the same request fails again until the caller changes something. */
export const refusal = {
  invalid: (message: string) => refused('bad_request', message),
  notUnicode: (field: string) =>
    refused('bad_request', `${field} is not valid Unicode: it contains half of a surrogate pair`),
  directIdUnsorted: () =>
    refused(
      'bad_request',
      'a direct conversation_id is "d:" followed by both user ids in ascending order, joined by ":"',
    ),
  repeatedParameter: (name: string) => refused('bad_request', `give "${name}" once: separate several values by commas`),
  targetMissing: () => refused('bad_request', 'give exactly one of "to" and "conversation_id"'),
  bothBounds: () => refused('bad_request', 'give at most one of "after_seq" and "before_seq"'),
  foreignCursor: () => refused('bad_request', 'the cursor was not issued by this server: sync again without one'),
  tooDeep: (depthMax: number) => refused('bad_request', `the JSON is nested deeper than ${depthMax} levels`),
  lossyNumber: (text: string) =>
    refused(
      'bad_request',
      `the number ${text.slice(0, 64)} cannot be represented exactly (it exceeds 2^53 or is not finite): send it as a string`,
    ),
  seqBeyondLast: (lastSeq: number) =>
    refused('bad_request', `seq exceeds the last seq of the conversation, ${lastSeq}`),
  textMissing: () => refused('bad_request', 'content of type "text" needs a string field "text"'),
  unsigned: () =>
    refused(
      'unauthorized',
      'sign the request: headers Hongyan-Key-Id, Hongyan-Timestamp (Unix milliseconds) and Hongyan-Signature (HMAC-SHA256 in hex)',
    ),
  badSignature: () =>
    refused('unauthorized', 'the key is unknown, or the signature does not match "<timestamp>.<body>" as received'),
  lateSignature: (windowS: number) =>
    refused(
      'unauthorized',
      `the timestamp is more than ${windowS} seconds away from the server time: check the clock, then sign again`,
    ),
  usedSignature: () => refused('unauthorized', 'the signature was used before: create a new one for each request'),
  badToken: () => refused('unauthorized', 'the token is missing or was not issued by this server'),
  badApiKey: () => refused('unauthorized', 'the API key is invalid or was revoked'),
  needsApiKey: (scope: string) =>
    refused('forbidden', `only the back end of an application may do this: use an API key with the scope ${scope}`),
  noScope: (scope: string) =>
    refused('forbidden', `the API key lacks the scope ${scope}: create a key with this scope`),
  notWithApiKey: () => refused('forbidden', 'use the access token of a user: API keys may not do this'),
  notForSystem: () => refused('bad_request', 'the system user cannot do this: name a user in the header Hongyan-User'),
  reservedUserId: () => refused('forbidden', 'the user id "system" is reserved for messages of the application'),
  disabledUser: (userId: string) => refused('forbidden', `the user ${userId} is disabled`),
  disabledAccount: () => refused('unauthorized', 'this account is disabled'),
  lifeTooLong: (maxS: number) =>
    refused('bad_request', `ttl_s must not exceed ${maxS}, the value of the server option token-ttl-s`),
  badClaim: (claim: string) =>
    refused('unauthorized', `the token is not valid here or not valid now: see its claim "${claim}"`),
  badUserClaim: (claim: string) =>
    refused('unauthorized', `the claim "${claim}" of the token is not a user id of 1 to 64 letters, digits or _ . @ -`),
  noAccount: (userId: string) =>
    refused('unauthorized', `there is no user ${userId}: the application must create it first`),
  revokedToken: () => refused('token_revoked', 'the token was revoked: log in again'),
  expiredToken: () => refused('unauthorized', 'the token has expired: log in again'),
  badOperatorToken: () =>
    refused(
      'unauthorized',
      'the operator token is missing or wrong: read it from the file operator-token in the data folder',
    ),
  wrongCredentials: () => refused('unauthorized', 'wrong user id or password'),
  signupDisabled: () => refused('forbidden', 'sign-up is disabled on this server'),
  reservedContent: (prefix: string) =>
    refused('forbidden', `content types that start with "${prefix}" are reserved for the server`),
  onlyOwners: (action: string) => refused('forbidden', `only the owner may ${action}`),
  onlyAdmins: (action: string) => refused('forbidden', `only the owner and admins may ${action}`),
  ownerStays: () => refused('conflict', 'a conversation needs an owner: make another member the owner instead'),
  onlySender: (action: string) => refused('forbidden', `only the sender of a message may ${action}`),
  editTooLate: (windowS: number) =>
    refused(
      'forbidden',
      `a message can be edited only within ${windowS} seconds after it was sent: send a new message`,
    ),
  recalled: () => refused('conflict', 'the message was recalled'),
  editedMeanwhile: () => refused('conflict', 'the message was edited meanwhile: read it again, then repeat the edit'),
  draftsUnresolved: (max: number) =>
    refused('conflict', `there are ${max} different drafts from several devices: choose one of them first`),
  fixedMembers: () => refused('forbidden', 'the title, members and rules of a direct conversation cannot be changed'),
  notMember: () => refused('not_member', 'you are not a member of this conversation'),
  noSuch: (what: string) => refused('not_found', `there is no ${what}`),
  deviceTaken: () => refused('conflict', 'the device belongs to another user, who must unbind it first'),
  taken: (what: string) => refused('conflict', `${what} is taken`),
  /** A refusal of another process, passed on with its code. */
  ofProcess: (code: RefusalCode, name: string, reason: string) => refused(code, `process ${name} refused: ${reason}`),
  profiling: (process: string, running: string) =>
    refused('conflict', `${process} is busy with ${running}: a process takes one profile at a time, retry later`),
  keyReused: () =>
    refused(
      'conflict',
      'this client_msg_id was used for another conversation or content: use a new one for a new message',
    ),
  invisible: (field: string) => refused('bad_request', `${field} must contain at least one visible character`),
  controlCharacters: (field: string) =>
    refused(
      'bad_request',
      `${field} contains control characters, or characters that change the direction of text: remove them`,
    ),
  passwordLength: (min: number, max: number) =>
    refused('bad_request', `a password must have ${min} to ${max} characters`),
  passwordCommon: () =>
    refused('bad_request', 'this password is too easy to guess: choose a longer or less common one'),
  tooLong: (field: string, max: number) => refused('too_large', `${field} is longer than ${max} characters`),
  tooLarge: (what: string, bytesMax: number) => refused('too_large', `${what} is larger than ${bytesMax} bytes`),
  tooLargeForLog: () =>
    refused(
      'too_large',
      'the request exceeds what the command log accepts: send less, or ask the operator to raise its limit',
    ),
  rateLimited: ({ retryAfterMs, quota }: { readonly retryAfterMs: number; readonly quota?: Quota }) =>
    limited('too many requests: retry after retry_after_ms', retryAfterMs, quota),
  triedTooOften: (retryAfterMs: number) => limited('too many attempts: retry after retry_after_ms', retryAfterMs),
  storedTooMuch: (bytesPerDay: number, retryAfterMs: number) =>
    limited(
      `the user has stored the allowed ${Math.round(bytesPerDay / 1_048_576)} MiB per day: retry after retry_after_ms`,
      retryAfterMs,
    ),
  tooMany: (what: string, max: number) => refused('too_large', `more than ${max} ${what}`),
  badWebhookUrl: (why: string) => refused('bad_request', `this URL cannot receive webhooks: ${why}`),
  badWebhookSecret: () =>
    refused(
      'bad_request',
      'a webhook secret is "whsec_" followed by 24 to 64 random bytes in base64; omit it to get a generated one',
    ),
  refusedBeforeSend: (reason: string) => refused('forbidden', reason),
  foreignPosition: () =>
    refused('bad_request', 'this server has no event at this position: omit it to start at the oldest retained event'),
  noWebhooks: () => refused('conflict', 'this server sends no webhooks'),
  eventsNotRecorded: () =>
    refused('conflict', 'this server does not record events for pulling: start it with --events-pull'),
} as const;

/** The server cannot do it now: the same request may succeed later. */
export const failure = {
  stopping: () => failed('unavailable', 'the server is stopping: reconnect', 1000),
  unavailable: () => failed('unavailable', 'the storage is unavailable: retry later', 1000),
  issuerUnreachable: () => failed('unavailable', 'the keys of the token issuer are unavailable: retry later', 5000),
  noVerdict: () => failed('unavailable', 'the check before sending is unavailable: retry later', 1000),
  coreUnreachable: () => failed('unavailable', 'the core does not respond: retry later', 1000),
  processSilent: (name: string) => failed('unavailable', `process ${name} does not answer: retry later`, 1000),
  processRefused: (name: string, reason: string) => failed('unavailable', `process ${name} refused: ${reason}`),
  notReplaced: (reason: string) => failed('unavailable', `a gateway process was not replaced: ${reason}`),
  profilerFailed: (reason: string) => failed('unavailable', `the profile could not be taken: ${reason}`),
  /** `what`: a plural noun. */
  overloaded: (what: string, retryAfterMs = 1000) =>
    failed('overloaded', `too many ${what}: retry later`, retryAfterMs),
  unknownOutcome: () =>
    failed(
      'unknown_outcome',
      'the outcome is unknown: look it up by client_msg_id, or repeat the request with the same client_msg_id',
    ),
} as const;

export const bug: Problem = {
  type: 'bug',
  code: 'internal',
  message: 'the request failed because of an error in the server: retry later',
};

/**
 * What a thrown error means to the caller. A StoreFailure keeps its code, but not its message, which may name hosts and statements:
 * operators find it in the log. Anything else is a bug.
 */
export function problemOf(error: unknown): Problem {
  if (!(error instanceof StoreFailure)) return bug;
  switch (error.code) {
    case 'overloaded':
      return failure.overloaded('pending requests');
    case 'unknown_outcome':
      return failure.unknownOutcome();
    case 'unavailable':
      return failure.unavailable();
  }
}

/** Converts a StoreFailure into the failure of an operation, and rethrows anything else. */
export function asFailure(error: unknown): Exclude<Result<never>, { type: 'ok' }> {
  const problem = problemOf(error);
  if (problem.type === 'bug') throw error;
  return problem;
}

/**
 * For reads that an answer needs after its change is stored [D9]. If they fail, the outcome is unknown: a plain failure would mean that
 * the change was not made.
 */
export async function onceStored<T>(answering: Promise<Result<T>>): Promise<Result<T>> {
  const answer = await answering.catch(asFailure);
  return answer.type === 'failed' ? failure.unknownOutcome() : answer;
}
