// Whether the brokers answer, for a start and for those who watch over a process: asked with a client of its own, which tries once.

import { type Clock, sleep } from '@hongyan/base/clock';
import { Admin } from '@platformatic/kafka';
import { clientOptions, type KafkaOptions } from './kafka-options.ts';

/** Whoever asks about readiness waits a second. */
const timeoutMs = 800;

/** Once. Rejects with the client's error when none of them answers. */
export async function askBrokers(options: KafkaOptions): Promise<void> {
  const admin = new Admin({ ...clientOptions(options), retries: 0, clientId: `${options.clientId}.start` });
  try {
    await admin.metadata({ topics: [] });
  } finally {
    await admin.close();
  }
}

export class KafkaProbe {
  readonly #admin: Admin;
  readonly #brokers: string;
  readonly #clock: Clock;
  #asking: Promise<string | undefined> | undefined;

  constructor(options: KafkaOptions, clock: Clock) {
    const limits = { connectTimeout: timeoutMs, requestTimeout: timeoutMs, timeout: timeoutMs, retries: 0 };
    this.#admin = new Admin({ ...clientOptions(options), ...limits, clientId: `${options.clientId}.probe` });
    this.#brokers = options.brokers.join(', ');
    this.#clock = clock;
  }

  /** In words for an operator; undefined: a broker answers. */
  problem(): Promise<string | undefined> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    const late = sleep(this.#clock, { delayMs: timeoutMs }).then(() => `no broker answers within ${timeoutMs} ms`);
    return Promise.race([this.#asking, late]);
  }

  close(): Promise<void> {
    return this.#admin.close();
  }

  async #ask(): Promise<string | undefined> {
    try {
      await this.#admin.metadata({ topics: [], forceUpdate: true });
      return undefined;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return `no broker of ${this.#brokers} answers: ${why}; sends are refused until one does`;
    }
  }
}
