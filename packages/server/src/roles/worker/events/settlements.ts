// What happened to an endpoint's deliveries, on its way to the log: collected for a moment, then written in one piece. Until it is
// written a crash has the deliveries made again, with the same ids [W4].

import { type Clock, sleep, type Timer } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { type Claim, ClaimLost } from '../../../ports/event-log/claims.ts';
import type { EventLog } from '../../../ports/event-log/event-log.ts';
import type { Attempt, DeadLetter, Parked, Progress, Settlement } from '../../../ports/event-log/webhooks.ts';

const writeEveryMs = 20;
const retryMs = 1_000;

export interface SettlementDeps {
  readonly events: Pick<EventLog, 'recordAttempts' | 'settle'>;
  readonly claim: Claim;
  /** Whoever sends for the endpoint by now begins where this one was noted last. */
  readonly onClaimLost: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

export class Settlements {
  readonly #endpointId: string;
  readonly #deps: SettlementDeps;
  readonly #progress: () => Progress;
  #collected = nothing();
  #hasNew = false;
  #state:
    | { readonly type: 'idle' }
    | { readonly type: 'waiting'; readonly timer: Timer }
    | { readonly type: 'writing' } = {
    type: 'idle',
  };
  #written: Promise<void> = Promise.resolve();
  #isLast = false;

  constructor(endpointId: string, deps: SettlementDeps, progress: () => Progress) {
    this.#endpointId = endpointId;
    this.#deps = deps;
    this.#progress = progress;
  }

  park(parked: Parked): void {
    this.#collected.unparked.delete(parked.position);
    this.#collected.parked.set(parked.position, parked);
    this.changed();
  }

  unpark(position: number): void {
    this.#collected.parked.delete(position);
    this.#collected.unparked.add(position);
    this.changed();
  }

  attempted(attempt: Attempt): void {
    this.#collected.attempts.push(attempt);
    this.changed();
  }

  died(letter: DeadLetter): void {
    this.#collected.dead.push(letter);
    this.changed();
  }

  /** Also when it is the progress alone that changed. */
  changed(): void {
    this.#hasNew = true;
    if (this.#state.type !== 'idle' || this.#isLast) return;
    this.#state = { type: 'waiting', timer: this.#deps.clock.after(writeEveryMs, () => this.#begin()) };
  }

  /** Writes what was collected; what the log does not take now is lost, and its deliveries are made again. */
  async flush(): Promise<void> {
    this.#isLast = true;
    if (this.#state.type === 'waiting') {
      this.#state.timer.cancel();
      this.#begin();
    }
    await this.#written;
    if (this.#hasNew) this.#begin();
    await this.#written;
  }

  #begin(): void {
    this.#state = { type: 'writing' };
    this.#written = this.#write();
  }

  /** One settlement at a time, each with the progress of its moment: the cursor never passes what is not written down. */
  async #write(): Promise<void> {
    const { events, log, clock } = this.#deps;
    while (this.#hasNew) {
      const collected = this.#collected;
      this.#collected = nothing();
      this.#hasNew = false;
      try {
        await events.settle(this.#settlementOf(collected));
      } catch (error) {
        if (error instanceof ClaimLost) {
          await this.#loseClaim(merged(collected, this.#collected));
          break;
        }
        log.error('failed to store deliveries of a webhook, retrying', { endpoint: this.#endpointId, error });
        this.#collected = merged(collected, this.#collected);
        this.#hasNew = true;
        if (this.#isLast) break;
        await sleep(clock, { delayMs: retryMs });
      }
    }
    this.#state = { type: 'idle' };
  }

  async #loseClaim({ attempts }: Collected): Promise<void> {
    this.#collected = nothing();
    this.#hasNew = false;
    this.#isLast = true;
    this.#deps.onClaimLost();
    if (attempts.length === 0) return;
    await this.#deps.events
      .recordAttempts(this.#endpointId, attempts)
      .catch((error: unknown) =>
        this.#deps.log.warn('failed to store attempts of a webhook', { endpoint: this.#endpointId, error }),
      );
  }

  #settlementOf({ parked, unparked, attempts, dead }: Collected): Settlement {
    return {
      endpointId: this.#endpointId,
      claim: this.#deps.claim,
      progress: this.#progress(),
      parked: [...parked.values()],
      unparked: [...unparked],
      attempts,
      dead,
    };
  }
}

interface Collected {
  readonly parked: Map<number, Parked>;
  readonly unparked: Set<number>;
  readonly attempts: Attempt[];
  readonly dead: DeadLetter[];
}

const nothing = (): Collected => ({ parked: new Map(), unparked: new Set(), attempts: [], dead: [] });
/** While the log takes no writes, older attempts are forgotten. */
const attemptsMax = 100;

function merged(earlier: Collected, later: Collected): Collected {
  const parked = new Map([...earlier.parked, ...later.parked]);
  for (const position of later.unparked) parked.delete(position);
  const unparked = new Set([...earlier.unparked, ...later.unparked]);
  for (const position of later.parked.keys()) unparked.delete(position);
  return {
    parked,
    unparked,
    attempts: [...earlier.attempts, ...later.attempts].slice(-attemptsMax),
    dead: [...earlier.dead, ...later.dead],
  };
}
