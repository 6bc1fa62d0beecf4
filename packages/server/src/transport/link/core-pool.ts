// Combines several cores into one. Requests of a user go to the same core while it is up. When a core is lost, its unanswered requests
// are sent to another one, if a repetition does no harm.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { TransientMap } from '@hongyan/base/transient-map';
import type { Core } from '../../ports/core/core.ts';
import { ClientStream, type RequestOutcome } from './client-stream.ts';
import { type CoreRequest, linkedCore } from './core-calls.ts';
import type { LinkSecurity } from './security.ts';

export interface CorePoolOptions {
  /** The name of this gateway process. */
  readonly node: string;
  readonly security: LinkSecurity;
  readonly clock: Clock;
  readonly log: Log;
  readonly timeoutMs: number;
  /** Of all cores together; further requests fail as overloaded. */
  readonly inFlightMax: number;
  /** Called for each answered request with the name of its operation and its duration. */
  readonly onAnswered: (name: string, seconds: number) => void;
}

/** A core in the node registry. */
export interface CorePlace {
  readonly name: string;
  /** host:port of its link. */
  readonly address: string;
  /** It finishes the requests that it has, and receives no more. */
  readonly isDraining: boolean;
}

interface Member {
  readonly place: CorePlace;
  readonly stream: ClientStream;
}

/** The core that a user's requests go to, while it has some of them. */
interface Assignment {
  readonly member: Member;
  /** Resolves when the previous core, which drains, has answered the user's requests. */
  readonly predecessorDone: Promise<void> | undefined;
  inFlight: number;
  /** Set when the core accepts no more requests; resolves with its last answer. */
  retired: PromiseWithResolvers<void> | undefined;
}

/** A core that sends nothing for this time is considered dead, and its requests go to another one. */
const silentMsMax = 2_500;
/** How often one request is sent. */
const attemptsMax = 3;

const unavailable: RequestOutcome = { type: 'failed', reason: 'unavailable' };
/** [D3] A core that was lost may have executed the request, even if another one proves that it did not. */
const unknown: RequestOutcome = { type: 'failed', reason: 'unknown' };

export class CorePool {
  /** While no core is up, operations fail as `unavailable`; those that may have taken effect fail as `unknown_outcome`. */
  readonly core: Core;
  readonly #options: CorePoolOptions;
  readonly #members = new Map<string, Member>();
  readonly #assignments = new TransientMap<string, Assignment>();
  #retried = 0;

  constructor(options: CorePoolOptions) {
    this.#options = options;
    this.core = linkedCore({
      request: (request) => this.#request(request),
      isUp: () => this.isUp,
      namesSessions: false,
    });
  }

  get isUp(): boolean {
    return this.upCount > 0;
  }

  /** Cores whose link is up. */
  get upCount(): number {
    let count = 0;
    for (const { stream } of this.#members.values()) if (stream.isUp) count++;
    return count;
  }

  /** Why a core is not reached, for an operator; undefined when all are reached, or there are none. */
  get problem(): string | undefined {
    for (const { stream } of this.#members.values()) if (stream.problem !== undefined) return stream.problem;
    return undefined;
  }

  get inFlightCount(): number {
    let count = 0;
    for (const { stream } of this.#members.values()) count += stream.inFlightCount;
    return count;
  }

  /** Requests that were sent again. */
  get retriedCount(): number {
    return this.#retried;
  }

  /**
   * Sets the cores of the cluster. A core that is no longer listed keeps its link while that is up, because the list may be stale. A
   * core that restarted under the same name has another address.
   */
  follow(places: readonly CorePlace[]): void {
    const named = new Map(places.map((place) => [place.name, place]));
    for (const [name, { place, stream }] of this.#members) {
      const now = named.get(name);
      if (now === undefined ? stream.isUp : now.address === place.address) continue;
      this.#members.delete(name);
      void stream.close();
    }
    for (const place of places) {
      const member = this.#members.get(place.name);
      this.#members.set(place.name, { place, stream: member?.stream ?? this.#openStream(place) });
    }
  }

  async close(): Promise<void> {
    const members = [...this.#members.values()];
    this.#members.clear();
    await Promise.all(members.map(({ stream }) => stream.close()));
  }

  #openStream({ name, address }: CorePlace): ClientStream {
    const { node, security, clock, log, timeoutMs, inFlightMax } = this.#options;
    const stream = new ClientStream({
      ...{ node, clock, log, timeoutMs, inFlightMax, silentMsMax },
      coreName: name,
      target: { type: 'tcp', address, security },
      // In a cluster all processes share an event bus.
      onEvents: () => {},
      onLoss: () => {},
      topics: () => [],
    });
    stream.start();
    return stream;
  }

  async #request(request: CoreRequest): Promise<RequestOutcome> {
    const { clock, inFlightMax, onAnswered } = this.#options;
    if (this.inFlightCount >= inFlightMax) return { type: 'failed', reason: 'overloaded' };
    const beganMs = clock.monotonicMs();
    let outcome = unavailable;
    let isInDoubt = false;
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      const assignment = this.#assignmentOf(request.key);
      if (assignment === undefined) break;
      if (assignment.predecessorDone) await assignment.predecessorDone;
      outcome = await this.#attempt(assignment, request);
      const isDrainRefusal = this.#isDrainRefusal(assignment, outcome);
      if (!this.#mayRetry(isDrainRefusal ? unavailable : outcome, request, beganMs)) break;
      if (isDrainRefusal) this.#retire(assignment);
      isInDoubt ||= outcome.type === 'failed' && outcome.reason === 'unknown';
      this.#retried++;
    }
    if (outcome.type !== 'failed') onAnswered(request.name, (clock.monotonicMs() - beganMs) / 1000);
    return isInDoubt && request.provesNoEffect(outcome) ? unknown : outcome;
  }

  async #attempt(assignment: Assignment, { key, body, bytes }: CoreRequest): Promise<RequestOutcome> {
    assignment.inFlight++;
    const outcome = await assignment.member.stream.request(body, bytes);
    assignment.inFlight--;
    if (assignment.inFlight > 0) return outcome;
    assignment.retired?.resolve();
    if (this.#assignments.get(key) === assignment) this.#assignments.delete(key);
    return outcome;
  }

  /** [N3] A draining core refused the request, so it had no effect, and another core is up. */
  #isDrainRefusal({ member }: Assignment, outcome: RequestOutcome): boolean {
    const isDraining = this.#members.get(member.place.name)?.place.isDraining === true;
    if (!isDraining || outcome.type !== 'answered' || outcome.answer.result !== 'problem') return false;
    return outcome.answer.problem.code === 'unavailable' && this.upCount > 1;
  }

  /** The next core waits for the requests that this one accepted, which keeps the user's order. */
  #retire(assignment: Assignment): void {
    if (assignment.retired !== undefined) return;
    assignment.retired = Promise.withResolvers();
    if (assignment.inFlight === 0) assignment.retired.resolve();
  }

  /** A request that was not sent had no effect. After `timeoutMs` in all there is no further attempt. */
  #mayRetry(outcome: RequestOutcome, { isRepeatable }: CoreRequest, beganMs: number): boolean {
    if (outcome.type !== 'failed' || outcome.reason === 'overloaded') return false;
    if (this.#options.clock.monotonicMs() - beganMs >= this.#options.timeoutMs) return false;
    return outcome.reason === 'unavailable' || isRepeatable;
  }

  /** Requests of a key follow those in flight to the same core, which keeps their order. */
  #assignmentOf(key: string): Assignment | undefined {
    const present = this.#assignments.get(key);
    if (present?.member.stream.isUp && present.retired === undefined) return present;
    const member = this.#memberFor(key);
    if (member === undefined) return undefined;
    const assignment: Assignment = {
      member,
      predecessorDone: present?.retired?.promise,
      inFlight: 0,
      retired: undefined,
    };
    this.#assignments.set(key, assignment);
    return assignment;
  }

  /** Rendezvous hashing: when a core joins or leaves, few keys move to another one. */
  #memberFor(key: string): Member | undefined {
    let [best, bestWeight, isBestDraining] = [undefined as Member | undefined, -1, true];
    for (const member of this.#members.values()) {
      const { stream, place } = member;
      if (!stream.isUp) continue;
      const weight = Bun.hash.xxHash32(key, Bun.hash.xxHash32(place.name));
      const isBetter = place.isDraining === isBestDraining ? weight > bestWeight : !place.isDraining;
      if (best === undefined || isBetter) [best, bestWeight, isBestDraining] = [member, weight, place.isDraining];
    }
    return best;
  }
}
