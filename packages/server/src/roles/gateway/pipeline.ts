// What every request passes, by whichever door it came: draining? → authenticate → limit → handle.

import { assert } from '@hongyan/base/assert';
import type { Log } from '@hongyan/base/log';
import { done, type Ok } from '@hongyan/base/result';
import type { UserId } from '@hongyan/protocol/ids';
import {
  type Input,
  type OperationName,
  type Operations,
  type Output,
  operations,
} from '@hongyan/protocol/operations/operations';
import { failure, type Problem, problemOf, type Result } from '@hongyan/protocol/refusals';
import type { Caller, CallerOf, DeviceCaller } from '../../ports/core/core.ts';
import type { Tokens } from '../../ports/tokens/tokens.ts';

/** Requests under way that share one bound: those of a connection, or those of a user over HTTP. */
export interface Flight {
  inFlight: number;
}

/** The source of a request. A connection is the source of all its requests; over HTTP each request is one. */
export interface Sender {
  readonly address: string;
  /** Set once authenticated. */
  caller?: Caller | DeviceCaller | undefined;
  /** Absent: the requests of the same user are counted together. */
  readonly flight?: Flight;
  /** The bearer token of an HTTP request. */
  readonly token?: string | undefined;
  /** The Host header of an HTTP request: the address at which its client reached this server. */
  readonly host?: string | null;
}

/** A handler that resolves with another shape than its operation declares does not compile. */
export type Handlers = {
  readonly [N in OperationName]: (caller: CallerOf<N>, input: Input<N>, sender: Sender) => Promise<Result<Output<N>>>;
};

export type Answer<N extends OperationName> = Ok<Output<N>> | Problem;

/** Reads an input that is still on its way, once its sender was let in. */
export type InputReader<N extends OperationName> = () => Promise<Result<Input<N>>>;

type Step = (sender: Sender) => Result<unknown> | Promise<Result<unknown>>;

export interface PipelineOptions {
  readonly handlers: Handlers;
  readonly tokens: Tokens;
  readonly log: Log;
  /** Further requests are refused as overloaded, not queued: the client keeps them and comes back. */
  readonly inFlightMax: number;
}

export class Pipeline {
  readonly #options: PipelineOptions;
  /** Of users with requests over HTTP. */
  readonly #flights = new Map<UserId, Flight>();
  #isDraining = false;

  readonly #notDraining: Step = () => (this.#isDraining ? failure.stopping() : done);
  readonly #authenticated: Step = (sender) => (sender.caller === undefined ? this.#authenticate(sender) : done);
  readonly #withinLimit: Step = (sender) => this.#limit(sender);

  /** By what an operation needs, in this order. The check for revoked tokens goes between authentication and limit. */
  readonly #steps: Readonly<Record<Operations[OperationName]['needs'], readonly Step[]>> = {
    nothing: [this.#notDraining],
    token: [this.#notDraining, this.#authenticated, this.#withinLimit],
    device: [this.#notDraining, this.#authenticated, this.#withinLimit],
  };

  constructor(options: PipelineOptions) {
    this.#options = options;
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
    let flight: Flight | undefined;
    try {
      for (const step of this.#steps[operations[name].needs]) {
        const outcome = step(sender);
        const result = outcome instanceof Promise ? await outcome : outcome;
        if (result.type !== 'ok') return result;
      }
      flight = this.#takeOff(sender);
      const read = typeof input === 'function' ? await input() : undefined;
      if (read !== undefined && read.type !== 'ok') return read;
      const value = read === undefined ? (input as Input<N>) : read.value;
      return await this.#options.handlers[name](callerOf<N>(name, sender), value, sender);
    } catch (error) {
      const problem = problemOf(error);
      if (problem.type === 'bug') this.#options.log.error('operation failed', { operation: name, error });
      return problem;
    } finally {
      if (flight !== undefined) this.#land(sender, flight);
    }
  }

  async #authenticate(sender: Sender): Promise<Result<unknown>> {
    const verified = await this.#options.tokens.verify(sender.token ?? '');
    if (verified.type !== 'ok') return verified;
    const { userId, tokenId } = verified.value;
    sender.caller = { userId, tokenId, address: sender.address };
    return done;
  }

  #limit(sender: Sender): Result<unknown> {
    const { inFlight } = this.#flightOf(sender) ?? nothingInFlight;
    return inFlight < this.#options.inFlightMax ? done : failure.overloaded('requests are in flight', 100);
  }

  #flightOf({ flight, caller }: Sender): Flight | undefined {
    return flight ?? (caller && this.#flights.get(caller.userId));
  }

  /** undefined for senders that nothing counts: those without a user. */
  #takeOff(sender: Sender): Flight | undefined {
    let flight = this.#flightOf(sender);
    if (flight === undefined) {
      if (sender.caller === undefined) return undefined;
      flight = { inFlight: 0 };
      this.#flights.set(sender.caller.userId, flight);
    }
    flight.inFlight++;
    return flight;
  }

  #land({ flight: own, caller }: Sender, flight: Flight): void {
    flight.inFlight--;
    assert(flight.inFlight >= 0, 'each request lands once');
    if (own === undefined && caller !== undefined && flight.inFlight === 0) this.#flights.delete(caller.userId);
  }
}

const nothingInFlight: Flight = { inFlight: 0 };

/** The steps before have made sure that the sender is what the operation needs. */
function callerOf<N extends OperationName>(name: N, sender: Sender): CallerOf<N> {
  const { needs } = operations[name];
  const caller = needs === 'nothing' ? sender : sender.caller;
  assert(caller !== undefined, 'the caller of this operation is authenticated', name);
  assert(needs !== 'device' || 'sessionId' in caller, 'the caller of this operation has an open session', name);
  return caller as CallerOf<N>;
}
