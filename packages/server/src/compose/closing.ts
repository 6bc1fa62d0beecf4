// A stack of close steps: what was opened last is closed first.

import type { Log } from '@hongyan/base/log';

export class Closing {
  readonly #steps: (() => unknown)[] = [];

  push(step: () => unknown): void {
    this.#steps.push(step);
  }

  /** Runs each step once. Rejects with the first failure after all steps have run. */
  async run(): Promise<void> {
    const failures: unknown[] = [];
    for (const step of this.#steps.splice(0).reverse())
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    if (failures.length > 0) throw failures[0];
  }

  /** Runs the steps after a failed start. Logs its own failures, so that the caller reports why the start failed. */
  async afterFailure(log: Log): Promise<void> {
    await this.run().catch((error: unknown) => log.warn('error during shutdown', { error }));
  }
}
