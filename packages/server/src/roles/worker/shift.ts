// One worker of a kind: claims, does, settles, and so on until it is told to stop.

import { backOffMs } from '@hongyan/base/back-off';
import { sleep } from '@hongyan/base/clock';
import { StoreFailure } from '@hongyan/base/result';
import type { ClaimedTask, Outcome, Settlement } from '../../ports/task-queue/task-queue.ts';
import { GivenUp, type Work, type WorkerOptions } from './work.ts';

/** When the queue itself fails, it is asked again after so long. */
const queuePauseMs = 1_000;
/** Errors travel to the dead letters and are looked at by people. */
const errorCharsMax = 2_000;

export class Shift {
  readonly #options: WorkerOptions;
  readonly #work: Work;
  #beganMs = Number.NEGATIVE_INFINITY;

  constructor(options: WorkerOptions, work: Work) {
    this.#options = options;
    this.#work = work;
  }

  /** Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, queue } = this.#options;
    const { kind } = this.#work;
    while (!signal.aborted) {
      try {
        await this.#paced(signal);
        if (signal.aborted) return;
        const tasks = await this.#claim();
        const [first] = tasks;
        if (first === undefined) await queue.ready(kind, signal);
        else {
          // What failed before comes alone: nothing would share its call.
          if (first.failureCount === 0) this.#beganMs = clock.monotonicMs();
          await this.#do(tasks);
        }
      } catch (error) {
        // Claims that were not settled end with their lease.
        log.error('task queue failed', { kind, error });
        await sleep(clock, { delayMs: queuePauseMs, signal });
      }
    }
  }

  async #paced(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const delayMs = this.#beganMs + (this.#work.minIntervalMs ?? 0) - clock.monotonicMs();
    if (delayMs > 0) await sleep(clock, { delayMs, signal });
  }

  #claim(): Promise<readonly ClaimedTask[]> {
    const { kind, batchMax, payloadMax } = this.#work;
    return this.#options.queue.claim({ kind, limit: batchMax, payloadMax, leaseMs: this.#options.retry.leaseMs });
  }

  async #do(tasks: readonly ClaimedTask[]): Promise<void> {
    const { clock, queue, log, retry } = this.#options;
    const { leaseMs } = retry;
    const renewal = clock.every(leaseMs / 3, () => {
      queue
        .renew({ claims: tasks, leaseMs })
        .catch((error: unknown) => log.error('failed to renew claims', { kind: this.#work.kind, error }));
    });
    try {
      await queue.settle(await this.#outcomes(tasks));
    } finally {
      renewal.cancel();
    }
  }

  async #outcomes(tasks: readonly ClaimedTask[]): Promise<readonly Settlement[]> {
    const [first] = tasks;
    return first && tasks.length === 1 ? [await this.#alone(first)] : this.#together(tasks);
  }

  async #together(tasks: readonly ClaimedTask[]): Promise<readonly Settlement[]> {
    try {
      await this.#work.handle(tasks);
      return tasks.map((claim) => ({ claim, outcome: { type: 'done' } }));
    } catch (error) {
      if (error instanceof StoreFailure) return tasks.map((claim) => ({ claim, outcome: this.#failed(claim, error) }));
    }
    const settlements: Settlement[] = [];
    for (const task of tasks) settlements.push(await this.#alone(task));
    return settlements;
  }

  async #alone(claim: ClaimedTask): Promise<Settlement> {
    const { failuresMax } = this.#options.retry;
    if (claim.failureCount >= failuresMax)
      return { claim, outcome: this.#dead(claim, `its worker ended, or let the lease run out, ${failuresMax} times`) };
    try {
      await this.#work.handle([claim]);
      return { claim, outcome: { type: 'done' } };
    } catch (error) {
      return { claim, outcome: this.#failed(claim, error) };
    }
  }

  #failed(task: ClaimedTask, error: unknown): Outcome {
    const { log, random, retry } = this.#options;
    const { failuresMax, backOffBaseMs, backOffMaxMs } = retry;
    const isOfTask = !(error instanceof StoreFailure);
    if (error instanceof GivenUp || (isOfTask && task.failureCount + 1 >= failuresMax))
      return this.#dead(task, String(error));
    // What the environment did says nothing of how often it has done so: each claim of the task doubles the delay.
    const attempt = isOfTask ? task.failureCount : task.attempt - 1;
    const delayMs = backOffMs(attempt, { baseMs: backOffBaseMs, maxMs: backOffMaxMs, random });
    log.warn('task failed, retrying', { kind: task.kind, taskId: task.taskId, delayMs, error });
    return { type: 'retry', delayMs, countsAsFailure: isOfTask };
  }

  #dead({ kind, taskId }: ClaimedTask, error: string): Outcome {
    this.#options.log.error('task became a dead letter', { kind, taskId, error });
    return { type: 'dead', error: error.slice(0, errorCharsMax) };
  }
}
