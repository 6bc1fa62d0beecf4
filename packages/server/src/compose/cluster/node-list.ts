// The processes of the cluster as this one knows them: those that announced themselves, asked for again and again. While nobody can be
// asked, those that were known stay.

import type { Clock, Timer } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { announceEveryMs, type NodeRecord, type NodeRegistry } from '../../ports/node-registry/node-registry.ts';

export interface NodeListOptions {
  readonly registry: Pick<NodeRegistry, 'list'>;
  readonly clock: Clock;
  readonly log: Log;
}

export class NodeList {
  readonly #options: NodeListOptions;
  readonly #timer: Timer;
  readonly #followers = new Set<(nodes: readonly NodeRecord[]) => void>();
  #nodes: readonly NodeRecord[] = [];
  #looking: Promise<void> | undefined;
  /** Begins when that one has ended. */
  #next: Promise<void> | undefined;
  #isFailing = false;

  constructor(options: NodeListOptions) {
    this.#options = options;
    this.#timer = options.clock.every(announceEveryMs / 2, () => void this.look());
  }

  /** By name. */
  get nodes(): readonly NodeRecord[] {
    return this.#nodes;
  }

  /** Tells what is known now, and each time it was asked for. Ends with the returned function. */
  follow(follower: (nodes: readonly NodeRecord[]) => void): () => void {
    this.#followers.add(follower);
    follower(this.#nodes);
    return () => this.#followers.delete(follower);
  }

  /** Resolves when whoever is there now is known: a look that is under way may have missed the last to come. Never rejects. */
  look(): Promise<void> {
    if (this.#looking === undefined) return this.#begin();
    this.#next ??= this.#looking.then(() => {
      this.#next = undefined;
      return this.#begin();
    });
    return this.#next;
  }

  stop(): void {
    this.#timer.cancel();
  }

  #begin(): Promise<void> {
    this.#looking = this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { registry, log } = this.#options;
    try {
      this.#nodes = await registry.list();
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) log.warn('failed to look up the nodes: the known ones stay listed', { error });
      this.#isFailing = true;
      return;
    }
    for (const follower of this.#followers) follower(this.#nodes);
  }
}
