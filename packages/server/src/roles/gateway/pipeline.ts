// The steps that every request passes, over WebSocket and over HTTP: draining → authenticate → revoked → rate limit → in flight →
// handle → measure. This file alone defines their order.

import { assert } from '@hongyan/base/assert';
import type { Clock } from '@hongyan/base/clock';
import type { Log, LogFields } from '@hongyan/base/log';
import { andThen, type MaybePromise } from '@hongyan/base/maybe-promise';
import { done, type Ok, ok } from '@hongyan/base/result';
import { TransientMap } from '@hongyan/base/transient-map';
import {
  type Input,
  type OperationName,
  type Operations,
  type Output,
  operations,
} from '@hongyan/protocol/operations/operations';
import { failure, type Problem, problemOf, type Quota, type Result } from '@hongyan/protocol/refusals';
import type { AnonymousCaller, Caller, CallerOf, SignedCaller } from '../../ports/core/core.ts';
import type { VerifiedToken } from '../../ports/tokens/tokens.ts';
import type { Tracing } from '../../tracing/tracing.ts';
import { Authenticator, type AuthenticatorOptions } from './authenticator.ts';
import { callerIn, contextOf, type Outcome, type RequestContext } from './request-context.ts';
import type { HelloSender, HttpSender, InFlightCounter, Sender } from './sender.ts';

/** A handler whose result differs from the output that its operation declares does not compile. */
export type Handlers = {
  readonly [N in OperationName]: (caller: CallerOf<N>, input: Input<N>, sender: Sender) => Promise<Result<Output<N>>>;
};

export type Answer<N extends OperationName> = Ok<Output<N>> | Problem;

/** Reads an input that has not arrived yet; called once the sender is authenticated. */
export type InputReader<N extends OperationName> = () => Promise<Result<Input<N>>>;

/** Operations with the same needs pass the same steps. */
type Group = Operations[OperationName]['needs'] | 'hello';
type StepName = 'draining' | 'signed' | 'authenticate' | 'revoked' | 'anonymous_limit' | 'rate_limit' | 'in_flight';

/** The steps of each group, in order. Afterwards the operation is handled, and then measured. */
const stepsOf: Readonly<Record<Group, readonly StepName[]>> = {
  nothing: ['draining', 'anonymous_limit'],
  key: ['draining', 'authenticate', 'rate_limit', 'in_flight'],
  token: ['draining', 'authenticate', 'revoked', 'rate_limit', 'in_flight'],
  device: ['draining', 'authenticate', 'revoked', 'rate_limit', 'in_flight'],
  // One address may send thousands of registrations a second, which the queue of the worker bounds. A signature covers the body, so
  // a bad one is found only after the body was read; then it counts against the limit of unauthenticated requests.
  signature: ['draining', 'signed'],
  hello: ['draining', 'authenticate', 'revoked', 'rate_limit'],
};

type Checked = MaybePromise<Result<unknown>>;
type Step = (context: RequestContext) => Checked;
/** With the state of the caller's bucket, where its rate is limited. */
type Allowed = Result<Quota | undefined>;

export interface PipelineOptions extends AuthenticatorOptions {
  readonly handlers: Handlers;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly log: Log;
  readonly tracing?: Tracing | undefined;
  /** Of one connection, or of one user over HTTP. Further requests are refused as overloaded, not queued: the client retries. */
  readonly inFlightMax: number;
  /** Refuses a caller whose token was revoked. Called for each request; MUST NOT wait once the revocations are loaded. */
  readonly revoked?: (caller: Caller) => Checked;
  /** Refuses a caller beyond its rate. When it waits for one request, later ones of the same caller MUST resolve after it. */
  readonly limit?: (name: OperationName | 'hello', caller: Caller) => MaybePromise<Allowed>;
  /** Called when a request is answered. MUST NOT throw. */
  readonly measure?: (name: OperationName, outcome: Outcome, durationMs: number) => void;
}

export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #authenticator: Authenticator;
  /** Of users with requests in flight over HTTP. */
  readonly #counters = new TransientMap<string, InFlightCounter>();
  readonly #steps: Readonly<Record<Group, readonly Step[]>>;
  #isDraining = false;
  #runningCount = 0;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.#authenticator = new Authenticator(options);
    const { revoked, limit, limitAnonymous } = options;
    const steps: Record<StepName, Step | undefined> = {
      draining: () => (this.#isDraining ? failure.stopping() : done),
      signed: ({ sender }) => this.#authenticator.requireSignature(sender),
      authenticate: (context) => (context.caller === undefined ? this.#authenticator.authenticate(context) : done),
      // API keys are looked up for each request, so a revoked one was refused by the step before.
      revoked: revoked && ((context) => (callerIn(context).keyId === undefined ? revoked(callerIn(context)) : done)),
      anonymous_limit: limitAnonymous && (({ sender }) => limitAnonymous(sender)),
      rate_limit: limit && ((context) => limited(context, limit(context.name, callerIn(context)))),
      in_flight: (context) => this.#acquire(context),
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

  /** Refuses requests from now on; those in flight are answered. */
  drain(): void {
    this.#isDraining = true;
  }

  /**
   * Never rejects. Calls the handler before it returns, unless a step or the input has to wait. For requests of a connection nothing
   * has to, so they reach the core in their order.
   */
  async run<N extends OperationName>(name: N, sender: Sender, input: Input<N> | InputReader<N>): Promise<Answer<N>> {
    const { measure, clock, tracing } = this.#options;
    const context = contextOf(name, sender);
    const isSigned = operations[name].needs === 'signature';
    const startedMs = measure === undefined ? 0 : clock.monotonicMs();
    const span = tracing?.begin(name, traceparentOf(sender), { 'hongyan.operation': name });
    this.#runningCount++;
    try {
      for (const step of this.#steps[operations[name].needs]) {
        const checked = step(context);
        const result = checked instanceof Promise ? await checked : checked;
        if (result.type !== 'ok') return recorded(context, result);
      }
      const read = typeof input === 'function' ? await input() : undefined;
      if (read !== undefined && read.type !== 'ok')
        return recorded(context, isSigned ? await this.#authenticator.refuseSigned(sender, read) : read);
      const value = read === undefined ? (input as Input<N>) : read.value;
      const caller = callerOf<N>(name, context);
      const traced = span === undefined ? caller : { ...caller, trace: span.traceparent };
      const answer = await this.#options.handlers[name](traced, value, sender);
      if (answer.type === 'ok') {
        if (isSigned) this.#authenticator.acceptSigned(sender);
        return answer;
      }
      const isBadSignature = isSigned && answer.code === 'unauthorized';
      return recorded(context, isBadSignature ? await this.#authenticator.refuseSigned(sender, answer) : answer);
    } catch (error) {
      return recorded(context, this.#problemOf(context, error));
    } finally {
      this.#runningCount--;
      this.#release(context);
      span?.end({ 'hongyan.outcome': context.outcome });
      measure?.(name, context.outcome, clock.monotonicMs() - startedMs);
      this.#logAnswered(context);
    }
  }

  async authenticateHello(sender: HelloSender): Promise<Result<VerifiedToken>> {
    const context = contextOf('hello', sender);
    for (const step of this.#steps.hello) {
      const result = await step(context);
      if (result.type !== 'ok') return result;
    }
    assert(context.verified !== undefined, 'a hello is authenticated');
    return ok(context.verified);
  }

  #acquire(context: RequestContext): Result<unknown> {
    const { sender } = context;
    const isConnection = sender.type === 'connection';
    const counter = isConnection ? sender : (this.#counters.get(counterKey(context)) ?? { inFlight: 0 });
    if (counter.inFlight >= this.#options.inFlightMax) return failure.overloaded('requests in flight', 100);
    if (counter.inFlight === 0 && !isConnection) this.#counters.set(counterKey(context), counter);
    counter.inFlight++;
    context.counter = counter;
    return done;
  }

  #release(context: RequestContext): void {
    const { sender, counter } = context;
    if (counter === undefined) return;
    counter.inFlight--;
    assert(counter.inFlight >= 0, 'each request is released once');
    if (sender.type !== 'connection' && counter.inFlight === 0) this.#counters.delete(counterKey(context));
  }

  #problemOf(context: RequestContext, error: unknown): Problem {
    const problem = problemOf(error);
    if (problem.type === 'bug') this.#options.log.error('operation failed', { ...fieldsOf(context), error });
    return problem;
  }

  #logAnswered(context: RequestContext): void {
    const { log } = this.#options;
    if (log.isDebug) log.debug('operation answered', { ...fieldsOf(context), outcome: context.outcome });
  }
}

const traceparentOf = (sender: Sender): string | undefined => (sender.type === 'http' ? sender.traceparent : undefined);

/** Identifies a request in the log. */
const fieldsOf = ({ name, sender, caller }: RequestContext): LogFields => ({
  operation: name,
  connection: sender.type === 'connection' ? sender.number : undefined,
  userId: caller?.userId,
});

function recorded<P extends Problem>(context: RequestContext, problem: P): P {
  context.outcome = problem.code;
  return problem;
}

/** Only a response over HTTP reports the quota; a hundred thousand connections would have to store it. */
const limited = ({ sender }: RequestContext, allowed: MaybePromise<Allowed>): MaybePromise<Allowed> =>
  sender.type === 'http' ? andThen(allowed, recordQuota, sender) : allowed;

function recordQuota(allowed: Allowed, sender: HttpSender): Allowed {
  if (allowed.type === 'ok') sender.quota = allowed.value;
  return allowed;
}

/** The requests of an API key are counted together, whichever user they are for. */
function counterKey(context: RequestContext): string {
  const { keyId, userId } = callerIn(context);
  return keyId === undefined ? userId : `key ${keyId}`;
}

/** The steps have verified that the sender is what the operation needs. */
function callerOf<N extends OperationName>(name: N, { sender, caller }: RequestContext): CallerOf<N> {
  const { needs } = operations[name];
  const { address, limitKey } = sender;
  if (needs === 'signature') {
    assert(sender.type === 'http' && sender.signature !== undefined, 'the request of this operation is signed', name);
    return { address, ...sender.signature } satisfies SignedCaller as CallerOf<N>;
  }
  if (needs === 'nothing') return { address, limitKey } satisfies AnonymousCaller as CallerOf<N>;
  assert(caller !== undefined, 'the caller of this operation is authenticated', name);
  assert(needs !== 'device' || 'sessionId' in caller, 'the caller of this operation has an open session', name);
  return caller as CallerOf<N>;
}
