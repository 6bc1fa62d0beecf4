// Tells a gateway which cores there are: those that announced themselves. While nobody can be asked, those that were known stay.

import type { Clock, Timer } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { announceEveryMs, type NodeRecord, type NodeRegistry } from '../../ports/node-registry/node-registry.ts';
import type { CorePlace, CorePool } from '../../transport/link/core-pool.ts';

export class CoreFinder {
  readonly #registry: Pick<NodeRegistry, 'list'>;
  readonly #pool: Pick<CorePool, 'follow'>;
  readonly #log: Log;
  readonly #timer: Timer;
  #looking: Promise<void> | undefined;
  #isFailing = false;

  constructor({
    registry,
    pool,
    clock,
    log,
  }: {
    readonly registry: Pick<NodeRegistry, 'list'>;
    readonly pool: Pick<CorePool, 'follow'>;
    readonly clock: Clock;
    readonly log: Log;
  }) {
    this.#registry = registry;
    this.#pool = pool;
    this.#log = log;
    this.#timer = clock.every(announceEveryMs / 2, () => void this.look());
  }

  /** Never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  stop(): void {
    this.#timer.cancel();
  }

  async #look(): Promise<void> {
    try {
      this.#pool.follow((await this.#registry.list()).flatMap(placeOf));
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#log.warn('cores not looked up: those that are known stay', { error });
      this.#isFailing = true;
    }
  }
}

/** A core is reached under the name of its life: the next one of the same name is another. */
function placeOf({ name, life, state, linkAddress }: NodeRecord): readonly CorePlace[] {
  if (linkAddress === undefined || state === 'starting' || state === 'drained') return [];
  return [{ name: `${name}/${life}`, address: linkAddress, isLeaving: state === 'draining' }];
}
