// What every request passes, by whichever door it came: draining → authenticate → revoked → rate limit → in flight → handle →
// measure. The order stands here, and nowhere else.

import { assert } from '@hongyan/base/assert';
import type { Clock } from '@hongyan/base/clock';
import type { Log, LogFields } from '@hongyan/base/log';
import { andThen, type MaybePromise } from '@hongyan/base/maybe-promise';
import { done, type Ok, ok } from '@hongyan/base/result';
import { TransientMap } from '@hongyan/base/transient-map';
import type { ApiKeyScope } from '@hongyan/protocol/api-key';
import type { ErrorCode } from '@hongyan/protocol/codes';
import { type UserId, userIdPattern } from '@hongyan/protocol/ids';
import type { OperationSpec } from '@hongyan/protocol/operations/operation';
import {
  type Input,
  type OperationName,
  type Operations,
  type Output,
  operations,
} from '@hongyan/protocol/operations/operations';
import { failure, type Problem, problemOf, type Quota, type Result, refusal } from '@hongyan/protocol/refusals';
import { isApiKey } from '../../domain/api-key.ts';
import type { Caller, CallerOf, DeviceCaller, GatewayQuestions, SignedCaller } from '../../ports/core/core.ts';
import type { Tokens, VerifiedToken } from '../../ports/tokens/tokens.ts';
import type { Tracing } from '../../tracing/tracing.ts';

/** Requests under way that share one bound: those of a connection, or those of a user over HTTP. */
export interface Flight {
  inFlight: number;
}

/** Made with an API key. Whether it is right, the core finds out, where the keys are. */
export interface Signature extends Omit<SignedCaller, 'address' | 'body'> {
  /** Set when the body was read. */
  body: string;
}

/** The source of a request. A connection is the source of all its requests; over HTTP each request is one. */
export interface Sender {
  readonly address: string;
  /** Of the connection, for the log. */
  readonly number?: number;
  /** What limits by address count by. Absent: a trusted proxy, or a program of this machine, that named no client. */
  readonly limitKey?: string | undefined;
  /** Set once authenticated. */
  caller?: Caller | DeviceCaller | undefined;
  /** Absent: the requests of the same user are counted together. */
  readonly flight?: Flight;
  /** The bearer token of an HTTP request. */
  readonly token?: string | undefined;
  /** The Hongyan-User header: for whom a back end asks. */
  readonly asUser?: string | null;
  /** Of an HTTP request that is signed with an API key. */
  readonly signature?: Signature | undefined;
  /** The Host header of an HTTP request: the address at which its client reached this server. */
  readonly host?: string | null;
  /** The traceparent header of an HTTP request. Frames have none: what a device sends begins its own trace. */
  readonly traceparent?: string | undefined;
  /** Set for a request over HTTP, where there is a limit to its rate. */
  quota?: Quota | undefined;
}

/** A handler that resolves with another shape than its operation declares does not compile. */
export type Handlers = {
  readonly [N in OperationName]: (caller: CallerOf<N>, input: Input<N>, sender: Sender) => Promise<Result<Output<N>>>;
};

export type Answer<N extends OperationName> = Ok<Output<N>> | Problem;

/** Reads an input that is still on its way, once its sender was let in. */
export type InputReader<N extends OperationName> = () => Promise<Result<Input<N>>>;

/** What an operation needs, or a hello: the group to which steps are bound. */
type Group = Operations[OperationName]['needs'] | 'hello';
type StepName = 'draining' | 'signed' | 'authenticate' | 'revoked' | 'anonymous_limit' | 'rate_limit' | 'in_flight';

/**
 * The order of the steps, for each group of operations; a step that a group does not name costs it nothing. After them the operation
 * is handled, and then measured.
 */
const stepsOf: Readonly<Record<Group, readonly StepName[]>> = {
  nothing: ['draining', 'anonymous_limit'],
  key: ['draining', 'authenticate', 'rate_limit', 'in_flight'],
  token: ['draining', 'authenticate', 'revoked', 'rate_limit', 'in_flight'],
  device: ['draining', 'authenticate', 'revoked', 'rate_limit', 'in_flight'],
  // Registrations come from one address by the thousand a second; what bounds them is the queue behind. Only once a body was read
  // it shows whose signature is made up: those draw on the limit of strangers then.
  signature: ['draining', 'signed'],
  hello: ['draining', 'authenticate', 'revoked', 'rate_limit'],
};

/** Addresses remembered for made-up signatures; of more the oldest are forgotten. */
const suspectsMax = 10_000;

/** A request on its way through the steps. */
interface Passage {
  readonly name: OperationName | 'hello';
  readonly sender: Sender;
  /** Set by `authenticate`; absent on connections, which were let in by their hello. */
  verified?: VerifiedToken;
  /** Set by `in_flight`. */
  flight?: Flight;
  outcome: Outcome;
}

type Refusal = Exclude<Result<never>, Ok<never>>;
type Checked = MaybePromise<Result<unknown>>;
type Step = (passage: Passage) => Checked;
/** With the state of the caller's bucket, where there is one. */
type Allowed = Result<Quota | undefined>;

export interface PipelineOptions {
  readonly handlers: Handlers;
  readonly tokens: Tokens;
  readonly identifyKey: GatewayQuestions['identifyKey'];
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly log: Log;
  readonly tracing?: Tracing | undefined;
  /** Further requests are refused as overloaded, not queued: the client keeps them and comes back. */
  readonly inFlightMax: number;
  /** Refuses the caller whose token was revoked. Asked for each request, of memory alone; waits only while that is read. */
  readonly revoked?: (caller: Caller) => Checked;
  /** Refuses a caller beyond its rate. If it has to wait for some request, later ones of the same caller MUST resolve after it. */
  readonly limit?: (name: OperationName | 'hello', caller: Caller) => MaybePromise<Allowed>;
  /** The same for senders who are nobody yet: operations that need no token, and tokens that are refused. */
  readonly limitAnonymous?: (sender: Sender) => Checked;
  /** Is told of each operation when it is answered. MUST NOT throw. */
  readonly measure?: (name: OperationName, outcome: Outcome, durationMs: number) => void;
}

export type Outcome = 'ok' | ErrorCode;

export class Pipeline {
  readonly #options: PipelineOptions;
  /** Of users with requests over HTTP. */
  readonly #flights = new TransientMap<string, Flight>();
  /** [L5] Addresses that sent more bad signatures than strangers may, until a good one comes: they draw before a body is read. */
  readonly #suspects = new Set<string | undefined>();
  readonly #steps: Readonly<Record<Group, readonly Step[]>>;
  #isDraining = false;
  #runningCount = 0;

  constructor(options: PipelineOptions) {
    this.#options = options;
    const { revoked, limit, limitAnonymous } = options;
    const steps: Record<StepName, Step | undefined> = {
      draining: () => (this.#isDraining ? failure.stopping() : done),
      signed: ({ sender }) => this.#expectSigned(sender),
      authenticate: (passage) => (passage.sender.caller === undefined ? this.#authenticate(passage) : done),
      // A key was looked up by the step before.
      revoked: revoked && (({ sender }) => (callerIn(sender).keyId === undefined ? revoked(callerIn(sender)) : done)),
      anonymous_limit: limitAnonymous && (({ sender }) => limitAnonymous(sender)),
      rate_limit:
        limit &&
        (({ name, sender }) => {
          const allowed = limit(name, callerIn(sender));
          // Connections do not record it: there may be a hundred thousand.
          return sender.flight === undefined ? andThen(allowed, recordQuota, sender) : allowed;
        }),
      in_flight: (passage) => this.#takeOff(passage),
    };
    const bound = Object.entries(stepsOf).map(([group, names]) => [
      group,
      names.map((name) => steps[name]).filter((step) => step !== undefined),
    ]);
    this.#steps = Object.fromEntries(bound) as Record<Group, readonly Step[]>;
  }

  /** Requests that are not answered yet. */
  get runningCount(): number {
    return this.#runningCount;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Requests from now on are refused; those under way are answered. */
  drain(): void {
    this.#isDraining = true;
  }

  /**
   * Never rejects. Unless a step has to wait, and for requests of a connection none has to, the handler is called before this
   * returns: requests of a connection keep their order.
   */
  async run<N extends OperationName>(name: N, sender: Sender, input: Input<N> | InputReader<N>): Promise<Answer<N>> {
    const passage: Passage = { name, sender, outcome: 'ok' };
    const { measure, clock, log, tracing } = this.#options;
    const startedMs = measure === undefined ? 0 : clock.monotonicMs();
    this.#runningCount++;
    const isSigned = operations[name].needs === 'signature';
    const span = tracing?.begin(name, sender.traceparent, { 'hongyan.operation': name });
    try {
      for (const step of this.#steps[operations[name].needs]) {
        const checked = step(passage);
        const result = checked instanceof Promise ? await checked : checked;
        if (result.type !== 'ok') return noted(passage, result);
      }
      const read = typeof input === 'function' ? await input() : undefined;
      if (read !== undefined && read.type !== 'ok')
        return noted(passage, isSigned ? await this.#refuseUnproven(sender, read) : read);
      const value = read === undefined ? (input as Input<N>) : read.value;
      const caller = callerOf<N>(name, sender);
      const traced = span === undefined ? caller : { ...caller, trace: span.traceparent };
      const answer = await this.#options.handlers[name](traced, value, sender);
      if (answer.type === 'ok') {
        if (isSigned) this.#suspects.delete(sender.limitKey);
        return answer;
      }
      const isUnproven = isSigned && answer.code === 'unauthorized';
      return noted(passage, isUnproven ? await this.#refuseUnproven(sender, answer) : answer);
    } catch (error) {
      const problem = problemOf(error);
      if (problem.type === 'bug') log.error('operation failed', { ...identityOf(passage), error });
      return noted(passage, problem);
    } finally {
      this.#runningCount--;
      this.#land(passage);
      span?.end({ 'hongyan.outcome': passage.outcome });
      measure?.(name, passage.outcome, clock.monotonicMs() - startedMs);
      if (log.isDebug) log.debug('operation answered', { ...identityOf(passage), outcome: passage.outcome });
    }
  }

  /** Lets a connection in: what its hello passes. */
  async letIn(sender: Pick<Sender, 'address' | 'limitKey' | 'token'>): Promise<Result<VerifiedToken>> {
    const passage: Passage = { name: 'hello', sender: { ...sender }, outcome: 'ok' };
    for (const step of this.#steps.hello) {
      const result = await step(passage);
      if (result.type !== 'ok') return result;
    }
    assert(passage.verified !== undefined, 'a hello is authenticated');
    return ok(passage.verified);
  }

  async #authenticate(passage: Passage): Promise<Result<unknown>> {
    const { name, sender } = passage;
    const { needs, scope }: Pick<OperationSpec, 'needs' | 'scope'> =
      name === 'hello' ? { needs: 'token' } : operations[name];
    if (isApiKey(sender.token ?? '')) return this.#authenticateKey(sender, scope);
    // A connection is let in once; a hundred thousand tokens kept in memory would be a tenth of what connections cost.
    const result = await this.#options.tokens.verify(sender.token ?? '', { isOnce: name === 'hello' });
    if (result.type !== 'ok') return this.#refuseStranger(sender, result);
    if (needs === 'key') return refusal.needsApiKey(scope ?? '');
    const { userId, tokenId, issuedAtMs, expiresAtMs, tier } = result.value;
    passage.verified = result.value;
    sender.caller = { userId, tokenId, issuedAtMs, expiresAtMs, tier, address: sender.address };
    return done;
  }

  /** [A23] An application's back end, which asks for the user that it names, else as the system. */
  async #authenticateKey(sender: Sender, scope: ApiKeyScope | undefined): Promise<Result<unknown>> {
    if (scope === undefined) return this.#refuseStranger(sender, refusal.notWithApiKey());
    const { asUser, token: key = '', address } = sender;
    if (asUser != null && !userIds.test(asUser))
      return this.#refuseStranger(sender, refusal.invalid('the header Hongyan-User has a user id'));
    const identified = await this.#options.identifyKey({
      key,
      ...(asUser == null ? {} : { asUser: asUser as UserId }),
    });
    // [L5] Whose key is right is no stranger: it asks for a user who is not there.
    if (identified.type === 'refused' && identified.code !== 'unauthorized') return identified;
    if (identified.type !== 'ok') return this.#refuseStranger(sender, identified);
    const { keyId, userId, scopes } = identified.value;
    if (!scopes.includes(scope)) return refusal.noScope(scope);
    sender.caller = { userId, keyId, tokenId: `key ${keyId}`, address };
    return done;
  }

  #expectSigned(sender: Sender): Checked {
    if (sender.signature === undefined) return this.#refuseStranger(sender, refusal.unsigned());
    return this.#suspects.has(sender.limitKey) ? (this.#options.limitAnonymous?.(sender) ?? done) : done;
  }

  /** Its signature is bad, or was not looked at because its body cannot be read. A suspect drew before. */
  async #refuseUnproven(sender: Sender, refused: Refusal): Promise<Refusal> {
    if (this.#suspects.has(sender.limitKey)) return refused;
    const answer = await this.#refuseStranger(sender, refused);
    if (answer === refused) return answer;
    const [oldest] = this.#suspects;
    if (this.#suspects.size >= suspectsMax) this.#suspects.delete(oldest);
    this.#suspects.add(sender.limitKey);
    return answer;
  }

  /** Who tries tokens is bounded as anyone without one. */
  async #refuseStranger(sender: Sender, refused: Refusal): Promise<Refusal> {
    const limited = (await this.#options.limitAnonymous?.(sender)) ?? done;
    return limited.type === 'ok' ? refused : limited;
  }

  /** Senders that nothing counts are those without a user, and their operations do not have this step. */
  #takeOff(passage: Passage): Result<unknown> {
    const { sender } = passage;
    const counted = countedAs(callerIn(sender));
    const flight = sender.flight ?? this.#flights.get(counted) ?? { inFlight: 0 };
    if (flight.inFlight >= this.#options.inFlightMax) return failure.overloaded('requests are in flight', 100);
    if (flight.inFlight === 0 && sender.flight === undefined) this.#flights.set(counted, flight);
    flight.inFlight++;
    passage.flight = flight;
    return done;
  }

  #land({ sender, flight }: Passage): void {
    if (flight === undefined) return;
    flight.inFlight--;
    assert(flight.inFlight >= 0, 'each request lands once');
    if (sender.flight === undefined && flight.inFlight === 0) this.#flights.delete(countedAs(callerIn(sender)));
  }
}

/** What names a request in the log. */
const identityOf = ({ name, sender: { number: connection, caller } }: Passage): LogFields => ({
  operation: name,
  connection,
  userId: caller?.userId,
});

function noted<P extends Problem>(passage: Passage, problem: P): P {
  passage.outcome = problem.code;
  return problem;
}

function recordQuota(allowed: Allowed, sender: Sender): Allowed {
  if (allowed.type === 'ok') sender.quota = allowed.value;
  return allowed;
}

/** The requests of a key are counted together, for whomever it asks. */
const countedAs = ({ keyId, userId }: Caller): string => (keyId === undefined ? userId : `key ${keyId}`);

const userIds = new RegExp(userIdPattern);

function callerIn({ caller }: Sender): Caller {
  assert(caller !== undefined, 'the sender was authenticated by the step before');
  return caller;
}

/** The steps before have made sure that the sender is what the operation needs. */
function callerOf<N extends OperationName>(name: N, sender: Sender): CallerOf<N> {
  const { needs } = operations[name];
  if (needs === 'signature') {
    assert(sender.signature !== undefined, 'the request of this operation is signed', name);
    return { address: sender.address, ...sender.signature } satisfies SignedCaller as CallerOf<N>;
  }
  const caller = needs === 'nothing' ? sender : sender.caller;
  assert(caller !== undefined, 'the caller of this operation is authenticated', name);
  assert(needs !== 'device' || 'sessionId' in caller, 'the caller of this operation has an open session', name);
  return caller as CallerOf<N>;
}
