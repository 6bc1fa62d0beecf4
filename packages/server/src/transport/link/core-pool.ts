// Several cores as one: a user's questions go to one core as long as it lives, and what a core that dies leaves unanswered is asked
// again of another one, where asking twice does no harm.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { TransientMap } from '@hongyan/base/transient-map';
import type { Core } from '../../ports/core/core.ts';
import { ClientStream, type Ending } from './client-stream.ts';
import { linkedCore, type Question } from './core-calls.ts';
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
  /** Of each question that was answered: the name of its operation, and how long it took. */
  readonly onAnswered: (name: string, seconds: number) => void;
}

/** A core that announced itself. */
export interface CorePlace {
  readonly name: string;
  /** host:port of its link. */
  readonly address: string;
  /** It leaves: it finishes what it has, and is given nothing more. */
  readonly isLeaving: boolean;
}

interface Member {
  readonly place: CorePlace;
  readonly stream: ClientStream;
}

/** A user's core, while it has questions of the user. */
interface Turn {
  readonly member: Member;
  /** The core before this one left, and has not answered all that it took yet. */
  readonly after: Promise<void> | undefined;
  open: number;
  /** Its core takes nothing new; resolves with its last answer. */
  retired: PromiseWithResolvers<void> | undefined;
}

/** A core that says nothing for so long is taken for dead, and what it was asked is asked of another. */
const silentMsMax = 2_500;
/** Cores that one question is put to. */
const attemptsMax = 3;

const unavailable: Ending = { type: 'failed', why: 'unavailable' };
/** [D3] That one core did nothing says nothing of what another one, lost meanwhile, has done or is about to do. */
const unknown: Ending = { type: 'failed', why: 'unknown' };

export class CorePool {
  /** While no core is up operations fail as `unavailable`; those that may have taken effect as `unknown_outcome`. */
  readonly core: Core;
  readonly #options: CorePoolOptions;
  readonly #members = new Map<string, Member>();
  readonly #turns = new TransientMap<string, Turn>();
  #repeated = 0;

  constructor(options: CorePoolOptions) {
    this.#options = options;
    this.core = linkedCore({
      ask: (question) => this.#ask(question),
      isUp: () => this.isUp,
      namesSessions: false,
    });
  }

  get isUp(): boolean {
    return this.upCount > 0;
  }

  /** Cores that can be asked. */
  get upCount(): number {
    let count = 0;
    for (const { stream } of this.#members.values()) if (stream.isUp) count++;
    return count;
  }

  /** Why a core is not reached, in words for an operator; undefined when there is none, or each is reached. */
  get problem(): string | undefined {
    for (const { stream } of this.#members.values()) if (stream.problem !== undefined) return stream.problem;
    return undefined;
  }

  get inFlightCount(): number {
    let count = 0;
    for (const { stream } of this.#members.values()) count += stream.inFlightCount;
    return count;
  }

  /** Questions that were put to another core after one was lost. */
  get repeatedCount(): number {
    return this.#repeated;
  }

  /**
   * The cores that there are now. One that is not named any more keeps its link while that works: the list may be what is wrong.
   * What begins anew under a name has another address.
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
      const known = this.#members.get(place.name);
      this.#members.set(place.name, { place, stream: known?.stream ?? this.#open(place) });
    }
  }

  async close(): Promise<void> {
    const members = [...this.#members.values()];
    this.#members.clear();
    await Promise.all(members.map(({ stream }) => stream.close()));
  }

  #open({ name, address }: CorePlace): ClientStream {
    const { node, security, clock, log, timeoutMs, inFlightMax } = this.#options;
    const stream = new ClientStream({
      ...{ node, clock, log, timeoutMs, inFlightMax, silentMsMax },
      coreName: name,
      target: { type: 'tcp', address, security },
      // Events come over the bus that all processes share.
      onEvents: () => {},
      onLoss: () => {},
      topics: () => [],
    });
    stream.start();
    return stream;
  }

  async #ask(question: Question): Promise<Ending> {
    const { clock, inFlightMax, onAnswered } = this.#options;
    if (this.inFlightCount >= inFlightMax) return { type: 'failed', why: 'overloaded' };
    const beganMs = clock.monotonicMs();
    let ending = unavailable;
    let isInDoubt = false;
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      const turn = this.#turnOf(question.key);
      if (turn === undefined) break;
      if (turn.after) await turn.after;
      ending = await this.#askOne(turn, question);
      const isTurnedAway = this.#isTurnedAway(turn, ending);
      if (!this.#mayRepeat(isTurnedAway ? unavailable : ending, question, beganMs)) break;
      if (isTurnedAway) this.#retire(turn);
      isInDoubt ||= ending.type === 'failed' && ending.why === 'unknown';
      this.#repeated++;
    }
    if (ending.type !== 'failed') onAnswered(question.name, (clock.monotonicMs() - beganMs) / 1000);
    return isInDoubt && question.saysNothingDone(ending) ? unknown : ending;
  }

  async #askOne(turn: Turn, { key, what, bytes }: Question): Promise<Ending> {
    turn.open++;
    const ending = await turn.member.stream.request(what, bytes);
    turn.open--;
    if (turn.open > 0) return ending;
    turn.retired?.resolve();
    if (this.#turns.get(key) === turn) this.#turns.delete(key);
    return ending;
  }

  /** [N3] By a core that leaves, and takes nothing new any more: it did nothing, and another one is there. */
  #isTurnedAway({ member }: Turn, ending: Ending): boolean {
    const isLeaving = this.#members.get(member.place.name)?.place.isLeaving === true;
    if (!isLeaving || ending.type !== 'answered' || ending.answer.result !== 'problem') return false;
    return ending.answer.problem.code === 'unavailable' && this.upCount > 1;
  }

  /** What it has taken comes before what is asked of the next one: the order of its user stays. */
  #retire(turn: Turn): void {
    if (turn.retired !== undefined) return;
    turn.retired = Promise.withResolvers();
    if (turn.open === 0) turn.retired.resolve();
  }

  /** What never left did nothing. One that left and was not answered in time may have been too slow: the caller has waited enough. */
  #mayRepeat(ending: Ending, { isRepeatable }: Question, beganMs: number): boolean {
    if (ending.type !== 'failed' || ending.why === 'overloaded') return false;
    if (this.#options.clock.monotonicMs() - beganMs >= this.#options.timeoutMs) return false;
    return ending.why === 'unavailable' || isRepeatable;
  }

  /** Where the user has questions under way the next one follows them, so that the core sees them in their order. */
  #turnOf(key: string): Turn | undefined {
    const present = this.#turns.get(key);
    if (present?.member.stream.isUp && present.retired === undefined) return present;
    const member = this.#memberFor(key);
    if (member === undefined) return undefined;
    const turn: Turn = { member, after: present?.retired?.promise, open: 0, retired: undefined };
    this.#turns.set(key, turn);
    return turn;
  }

  /** The same one for a key as long as the cores are the same; when one comes or goes, few keys move. */
  #memberFor(key: string): Member | undefined {
    let [best, bestWeight, bestIsLeaving] = [undefined as Member | undefined, -1, true];
    for (const member of this.#members.values()) {
      const { stream, place } = member;
      if (!stream.isUp) continue;
      const weight = Bun.hash.xxHash32(key, Bun.hash.xxHash32(place.name));
      const isBetter = place.isLeaving === bestIsLeaving ? weight > bestWeight : !place.isLeaving;
      if (best === undefined || isBetter) [best, bestWeight, bestIsLeaving] = [member, weight, place.isLeaving];
    }
    return best;
  }
}
