// Announces this node in the registry, keeps its record current, and notices a drain that an operator requests there.

import type { Clock, Timer } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import {
  announceEveryMs,
  type NodeRecord,
  type NodeRegistry,
  type NodeState,
} from '../../ports/node-registry/node-registry.ts';

export interface AnnouncementOptions {
  readonly registry: NodeRegistry;
  readonly node: Pick<NodeRecord, 'life' | 'name' | 'roles' | 'startedAtMs' | 'version'>;
  /** The current values of the fields that change. */
  readonly facts: () => Pick<NodeRecord, 'connections' | 'linkAddress' | 'operatorUrl' | 'partitions' | 'url'>;
  readonly onDrain: () => void;
  /** A newer process uses the node's name. */
  readonly onReplaced: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

export class Announcement {
  readonly #options: AnnouncementOptions;
  readonly #timer: Timer;
  #state: NodeState = 'starting';
  #announcing: Promise<void> | undefined;
  #isFailing = false;
  #isOver = false;
  #isDrainRequested = false;

  constructor(options: AnnouncementOptions) {
    this.#options = options;
    this.#timer = options.clock.every(announceEveryMs, () => {
      this.#announcing ??= this.#announce();
    });
  }

  get state(): NodeState {
    return this.#state;
  }

  /** Resolves when the record is stored, or the registry is unreachable: then the record is stored as soon as it is reachable. */
  async become(state: NodeState): Promise<void> {
    this.#state = state;
    await this.#announcing;
    this.#announcing ??= this.#announce();
    await this.#announcing;
  }

  async withdraw(): Promise<void> {
    this.#isOver = true;
    this.#timer.cancel();
    await this.#announcing;
    const { registry, node, log } = this.#options;
    await registry
      .withdraw(node)
      .catch((error: unknown) => log.warn('failed to withdraw the node: its record expires', { error }));
  }

  async #announce(): Promise<void> {
    const { registry, node, facts, log, onDrain, onReplaced } = this.#options;
    try {
      const { isReplaced, isDrainRequested } = await registry.announce({ ...node, state: this.#state, ...facts() });
      if (this.#isFailing) log.info('node announced again');
      this.#isFailing = false;
      if (this.#isOver) return;
      if (isReplaced) {
        this.#isOver = true;
        this.#timer.cancel();
        log.error('a newer process uses the name of this node: stopping', { node: node.name });
        onReplaced();
      } else if (isDrainRequested && !this.#isDrainRequested) {
        this.#isDrainRequested = true;
        onDrain();
      }
    } catch (error) {
      // Open links keep working; other nodes only miss the change.
      if (!this.#isFailing) log.warn('failed to announce the node, retrying', { error });
      this.#isFailing = true;
    } finally {
      this.#announcing = undefined;
    }
  }
}
