// The embedded command log: a bounded queue in front of the store, both ends in one process. A batch forms while the one before
// commits; a command is durable when its handler says so.

import { assert } from '@hongyan/base/assert';
import { Batcher } from '@hongyan/base/batcher';
import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { asFailure, failure, type Result } from '@hongyan/protocol/refusals';
import type { Command, CommandConsumer, CommandHandler, CommandOutcome, CommandProducer } from './command-log.ts';

type Outcome = Result<CommandOutcome>;

export interface MemoryCommandLogOptions {
  /** Commands that wait; further ones fail as overloaded. */
  readonly queueMax: number;
  /** Commands of one user that wait; further ones fail likewise. */
  readonly queuePerUserMax: number;
  readonly batchMax: number;
  /** Commands of one user in one batch: another user's command waits for no more of them than these. */
  readonly batchPerUserMax: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Two batches are under way: while one commits, the next is admitted and handed to the store, which is then never idle. */
const inFlightMax = 2;

/**
 * Under load commands gather: a commit costs about the same for one command as for ten. Few of them gather longer, since between
 * them they would pay for it. A lone command never waits.
 */
const gathering = { minIntervalMs: 2, patience: { items: 8, patienceMs: 4 } };

export class MemoryCommandLog implements CommandProducer, CommandConsumer {
  readonly #log: Log;
  readonly #batcher: Batcher<Command, Outcome>;
  #handle: CommandHandler | undefined;
  #isDraining = false;

  constructor({ queueMax, queuePerUserMax, batchMax, batchPerUserMax, clock, log }: MemoryCommandLogOptions) {
    this.#log = log;
    this.#batcher = new Batcher({
      itemsMax: queueMax,
      batchMax,
      inFlightMax,
      pace: { ...gathering, clock },
      fairness: { keyOf: ({ from }) => from, itemsPerKeyMax: queuePerUserMax, batchPerKeyMax: batchPerUserMax },
      handle: (batch) => this.#run(batch),
    });
  }

  /** Commands accepted and not answered yet. */
  get depth(): number {
    return this.#batcher.depth;
  }

  submit(command: Command): Promise<Outcome> {
    if (this.#isDraining) return Promise.resolve(failure.stopping());
    return this.#batcher.submit(command).catch(asFailure);
  }

  consume(handle: CommandHandler): void {
    assert(this.#handle === undefined, 'a command log has one consumer');
    this.#handle = handle;
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
    await this.#batcher.drain();
  }

  /** Of a batch whose handler failed nothing is known. */
  async #run(batch: readonly Command[]): Promise<readonly Outcome[]> {
    assert(this.#handle, 'a command log is consumed before commands are submitted');
    try {
      return await this.#handle(batch);
    } catch (error) {
      this.#log.error('batch failed', { size: batch.length, error });
      return batch.map(() => failure.unknownOutcome());
    }
  }
}
