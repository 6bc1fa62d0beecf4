// What was opened and has to be closed, the last first.

import type { Log } from '@hongyan/base/log';

export class Closing {
  readonly #steps: (() => unknown)[] = [];

  push(step: () => unknown): void {
    this.#steps.push(step);
  }

  /** Each step once. Rejects with the first failure, when the others were tried too. */
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

  /** Of a start that failed: why it did is told, whatever fails here too. */
  async afterFailure(log: Log): Promise<void> {
    await this.run().catch((error: unknown) => log.warn('error during shutdown', { error }));
  }
}
