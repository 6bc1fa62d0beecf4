// Every way an operation can fail to succeed: its code, HTTP status, sentence and retry time, in one table.
// Frames, problem+json and the link are made from it; no other file builds a refusal of its own wording.

import { type Failed, type Ok, type Quota, type Refused, StoreFailure } from '@hongyan/base/result';
import type { ErrorCode } from './codes.ts';

export type { Quota };

export type FailureCode = Extract<ErrorCode, 'unavailable' | 'overloaded' | 'unknown_outcome'>;
export type RefusalCode = Exclude<ErrorCode, FailureCode | 'internal'>;

/** What an operation resolves with. `internal` is none of it: a bug is thrown, and the door answers `internal`. */
export type Result<T> = Ok<T> | Refused<RefusalCode> | Failed<FailureCode>;
export type Problem =
  | Exclude<Result<never>, Ok<never>>
  | { readonly type: 'bug'; readonly code: 'internal'; readonly message: string };

const refused = (code: RefusalCode, message: string): Refused<RefusalCode> => ({ type: 'refused', code, message });
const limited = (message: string, retryAfterMs: number, quota?: Quota): Refused<RefusalCode> => ({
  ...refused('rate_limited', message),
  // In whole milliseconds, and never too early.
  retryAfterMs: Math.ceil(retryAfterMs),
  ...(quota === undefined ? {} : { quota }),
});
const failed = (code: FailureCode, message: string, retryAfterMs?: number): Failed<FailureCode> => ({
  type: 'failed',
  code,
  message,
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
});

/** Refusals by the code they carry; the wording lives here alone. */
export const refusal = {
  invalid: (message: string) => refused('bad_request', message),
  notUnicode: (field: string) =>
    refused('bad_request', `${field} is not valid Unicode: half of a surrogate pair has no UTF-8`),
  directIdUnsorted: () =>
    refused('bad_request', 'a direct conversation_id is "d:" and both user ids in ascending order, joined by ":"'),
  repeatedParameter: (name: string) =>
    refused('bad_request', `give "${name}" once: a parameter that takes several values has commas between them`),
  targetMissing: () => refused('bad_request', 'give exactly one of "to" and "conversation_id"'),
  bothBounds: () => refused('bad_request', 'give at most one of "after_seq" and "before_seq"'),
  foreignCursor: () => refused('bad_request', 'the cursor was not issued by this server: sync again without one'),
  tooDeep: (depthMax: number) => refused('bad_request', `the JSON is nested deeper than ${depthMax} levels`),
  lossyNumber: (text: string) =>
    refused(
      'bad_request',
      `the number ${text.slice(0, 64)} cannot be held exactly (beyond 2^53, or not finite): send it as a string`,
    ),
  seqBeyondLast: (lastSeq: number) => refused('bad_request', `seq is beyond the last of the conversation, ${lastSeq}`),
  textMissing: () => refused('bad_request', 'content of type "text" needs a string "text"'),
  unsigned: () =>
    refused(
      'unauthorized',
      'sign the request: headers Hongyan-Key-Id, Hongyan-Timestamp (Unix milliseconds) and Hongyan-Signature (HMAC-SHA256 in hex)',
    ),
  badSignature: () =>
    refused('unauthorized', 'the key is unknown, or the signature is not that of "<timestamp>.<body>" as it was sent'),
  lateSignature: (windowS: number) =>
    refused('unauthorized', `the timestamp is not within ${windowS} seconds of now: check the clock, and sign again`),
  usedSignature: () => refused('unauthorized', 'the signature was used before: sign each request anew'),
  badToken: () => refused('unauthorized', 'the token is missing or was not issued by this server'),
  badApiKey: () => refused('unauthorized', 'the API key is wrong or was revoked'),
  needsApiKey: (scope: string) =>
    refused('forbidden', `this is for the back end of an application: use an API key with the scope ${scope}`),
  noScope: (scope: string) => refused('forbidden', `the API key lacks the scope ${scope}: create one that has it`),
  notWithApiKey: () => refused('forbidden', 'this is asked with the access token of a user, not with an API key'),
  notForSystem: () =>
    refused('bad_request', 'this is done for a user, which the system is not: name one in the header Hongyan-User'),
  reservedUserId: () =>
    refused('forbidden', 'the user id system is reserved: messages of the application come from it'),
  disabledUser: (userId: string) => refused('forbidden', `the user ${userId} is disabled`),
  disabledAccount: () => refused('unauthorized', 'this account is disabled'),
  lifeTooLong: (maxS: number) =>
    refused('bad_request', `ttl_s is at most ${maxS}, the option token-ttl-s of the server`),
  badClaim: (claim: string) =>
    refused('unauthorized', `the token is for another server, or not yet or no longer good: see its claim "${claim}"`),
  badUserClaim: (claim: string) =>
    refused(
      'unauthorized',
      `the claim "${claim}" of the token is not a user id, which has 1 to 64 letters, digits or _ . @ -`,
    ),
  noAccount: (userId: string) =>
    refused('unauthorized', `there is no user ${userId}: the application has to create it first`),
  revokedToken: () => refused('token_revoked', 'the token was revoked: log in again'),
  expiredToken: () => refused('unauthorized', 'the token has expired: log in again'),
  badOperatorToken: () =>
    refused(
      'unauthorized',
      'the operator token is missing or wrong: it is in the file operator-token of the data folder',
    ),
  wrongCredentials: () => refused('unauthorized', 'wrong user id or password'),
  signupDisabled: () => refused('forbidden', 'sign-up is disabled on this server'),
  reservedContent: (prefix: string) =>
    refused('forbidden', `content types that start with "${prefix}" are reserved for the server`),
  onlyOwners: (action: string) => refused('forbidden', `only the owner may ${action}`),
  onlyAdmins: (action: string) => refused('forbidden', `only the owner and admins may ${action}`),
  ownerStays: () => refused('conflict', 'a conversation has an owner: hand it over to another member instead'),
  onlySender: (action: string) => refused('forbidden', `only the sender of a message may ${action}`),
  editTooLate: (windowS: number) =>
    refused('forbidden', `a message may be edited for ${windowS} seconds after it was sent: send a new one`),
  recalled: () => refused('conflict', 'the message was recalled'),
  editedMeanwhile: () => refused('conflict', 'the message was edited meanwhile: read it again, then edit'),
  draftsUnresolved: (max: number) =>
    refused('conflict', `${max} devices have written different drafts: choose among them first`),
  fixedMembers: () => refused('forbidden', 'a direct conversation has no title and always the same two members'),
  notMember: () => refused('not_member', 'you are not a member of this conversation'),
  noSuch: (what: string) => refused('not_found', `there is no ${what}`),
  deviceTaken: () => refused('conflict', "the device is another user's: that user has to let it go first"),
  taken: (what: string) => refused('conflict', `${what} is taken`),
  /** With the code that the process gave. */
  ofProcess: (code: RefusalCode, name: string, reason: string) =>
    refused(code, `the process ${name} refuses: ${reason}`),
  profiling: (process: string, running: string) =>
    refused(
      'conflict',
      `${process} is busy with ${running}: one profile of a process is taken at a time, ask again later`,
    ),
  keyReused: () =>
    refused(
      'conflict',
      'this client_msg_id was used for another conversation or content: use a new one for a new message',
    ),
  invisible: (field: string) =>
    refused('bad_request', `${field} shows nothing: it needs at least one visible character`),
  controlCharacters: (field: string) =>
    refused(
      'bad_request',
      `${field} has control characters, or characters that turn the direction of text: remove them`,
    ),
  passwordLength: (min: number, max: number) => refused('bad_request', `a password has ${min} to ${max} characters`),
  passwordCommon: () =>
    refused('bad_request', 'this password is among those that guessing tries first: choose a longer or rarer one'),
  tooLong: (field: string, max: number) => refused('too_large', `${field} is longer than ${max} characters`),
  tooLarge: (what: string, bytesMax: number) => refused('too_large', `${what} is larger than ${bytesMax} bytes`),
  tooLargeToTake: () =>
    refused('too_large', 'the server cannot take as much at once: send less, or ask its operator to let it'),
  rateLimited: ({ retryAfterMs, quota }: { readonly retryAfterMs: number; readonly quota?: Quota }) =>
    limited('too many requests: wait as long as this says, then repeat it', retryAfterMs, quota),
  triedTooOften: (retryAfterMs: number) =>
    limited('too many attempts: wait as long as this says, then try again', retryAfterMs),
  storedTooMuch: (bytesPerDay: number, retryAfterMs: number) =>
    limited(
      `more than ${Math.round(bytesPerDay / 1_048_576)} MiB were stored within a day: wait as long as this says, then try again`,
      retryAfterMs,
    ),
  tooMany: (what: string, max: number) => refused('too_large', `more than ${max} ${what}`),
  badWebhookUrl: (why: string) => refused('bad_request', `this URL cannot receive webhooks: ${why}`),
  badWebhookSecret: () =>
    refused(
      'bad_request',
      'a webhook secret is "whsec_" and the base64 of 24 to 64 random bytes; leave it out to get one',
    ),
  refusedBeforeSend: (reason: string) => refused('forbidden', reason),
  foreignPosition: () =>
    refused('bad_request', 'this server has no event at that position: begin without one, at the oldest event kept'),
  noWebhooks: () => refused('conflict', 'this server sends no webhooks'),
  eventsNotRecorded: () =>
    refused('conflict', 'this server records no events for readers: start it with --events-pull'),
} as const;

/** What the server cannot do now. */
export const failure = {
  stopping: () => failed('unavailable', 'the server is stopping: reconnect', 1000),
  unavailable: () => failed('unavailable', 'the store cannot take writes now: try again later', 1000),
  issuerUnreachable: () =>
    failed('unavailable', 'the keys of the issuer of this token cannot be read now: try again later', 5000),
  noVerdict: () => failed('unavailable', 'messages cannot be checked now: try again later', 1000),
  coreUnreachable: () => failed('unavailable', 'the core does not answer: try again later', 1000),
  processSilent: (name: string) => failed('unavailable', `the process ${name} does not answer: try again later`, 1000),
  processRefused: (name: string, reason: string) => failed('unavailable', `the process ${name} refuses: ${reason}`),
  notReplaced: (reason: string) => failed('unavailable', `a gateway process was not replaced: ${reason}`),
  profilerFailed: (reason: string) => failed('unavailable', `the profile could not be taken: ${reason}`),
  overloaded: (what: string, retryAfterMs = 1000) =>
    failed('overloaded', `too many ${what}: try again later`, retryAfterMs),
  unknownOutcome: () =>
    failed('unknown_outcome', 'the outcome is unknown: ask for it by client_msg_id, or send again with the same one'),
} as const;

export const bug: Problem = { type: 'bug', code: 'internal', message: 'the server failed to answer: try again' };

/** What a thrown error means to the caller: an adapter's failure keeps its meaning, anything else is a bug. */
export function problemOf(error: unknown): Problem {
  if (!(error instanceof StoreFailure)) return bug;
  switch (error.code) {
    case 'overloaded':
      return failure.overloaded('writes are waiting');
    case 'unknown_outcome':
      return failure.unknownOutcome();
    case 'unavailable':
      return failure.unavailable();
  }
}

/** An adapter's failure as the operation's; a bug is thrown on. */
export function asFailure(error: unknown): Exclude<Result<never>, { type: 'ok' }> {
  const problem = problemOf(error);
  if (problem.type === 'bug') throw error;
  return problem;
}

/** Of what an answer needs once the change is stored [D9]: as a failure of the change it would be taken for one to make once more. */
export async function onceStored<T>(answering: Promise<Result<T>>): Promise<Result<T>> {
  const answer = await answering.catch(asFailure);
  return answer.type === 'failed' ? failure.unknownOutcome() : answer;
}
