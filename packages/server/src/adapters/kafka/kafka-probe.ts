// Checks whether the brokers answer, for the start of a process and for health checks. It uses a separate client without retries.

import { type Clock, sleep } from '@hongyan/base/clock';
import { Admin } from '@platformatic/kafka';
import { clientOptions, type KafkaOptions } from './kafka-options.ts';

/** Readiness probes usually time out after one second. */
const timeoutMs = 800;

/** Tries once. Rejects with the client's error when no broker answers. */
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

  /** A message for operators; undefined when a broker answers. */
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
