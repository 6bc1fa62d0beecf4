// The embedded command log: a bounded queue in front of the store, within one process. Commands gather into a batch while earlier batches
// commit. They are durable once the handler returns their outcomes.

import { assert } from '@hongyan/base/assert';
import { Batcher, type Results } from '@hongyan/base/batcher';
import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { asFailure, failure, type Result } from '@hongyan/protocol/refusals';
import type { Command, CommandConsumer, CommandHandler, CommandOutcome, CommandProducer } from './command-log.ts';

type Outcome = Result<CommandOutcome>;

export interface MemoryCommandLogOptions {
  /** Commands that wait; further ones fail as overloaded. */
  readonly queueMax: number;
  /** Commands of one user that wait; further ones fail as overloaded too. */
  readonly queuePerUserMax: number;
  readonly batchMax: number;
  /** Commands of one user in one batch: commands of other users wait for at most this many of them. */
  readonly batchPerUserMax: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** While one batch commits, the next one is checked and handed to the store, so that the store is never idle. */
const inFlightMax = 2;

/**
 * Minimal interval between batches under load: a commit costs about the same for one command as for ten. Batches of few commands wait
 * longer, because they would share the cost of a commit among few. A lone command never waits.
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

  /** Accepted commands without an outcome. */
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

  async #run(batch: readonly Command[]): Promise<Results<Outcome>> {
    assert(this.#handle, 'a command log is consumed before commands are submitted');
    try {
      const outcomes = await this.#handle(batch);
      return outcomes.map((outcome) =>
        outcome instanceof Promise ? outcome.catch((error) => this.#unknown(1, error)) : outcome,
      );
    } catch (error) {
      const outcome = this.#unknown(batch.length, error);
      return batch.map(() => outcome);
    }
  }

  /** If the handler throws, the outcomes of its commands are unknown. */
  #unknown(size: number, error: unknown): Outcome {
    this.#log.error('batch failed', { size, error });
    return failure.unknownOutcome();
  }
}
