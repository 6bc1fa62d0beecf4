// How a process reaches Kafka: given once, and handed to every client of it.

import type { BaseOptions } from '@platformatic/kafka';

export interface KafkaOptions {
  /** host:port of some of the brokers; the others are learnt from them. */
  readonly brokers: readonly string[];
  /** Shown in the brokers' logs and metrics. */
  readonly clientId: string;
  /** Topics and groups are named with it in front. */
  readonly prefix: string;
  /** As of node:tls; {} for TLS with the certificates that the machine trusts. Absent: unencrypted. */
  readonly tls?: BaseOptions['tls'];
  readonly sasl?: BaseOptions['sasl'];
}

/** A broker that answers nothing for so long is given up. */
const requestTimeoutMs = 5_000;

/** Short enough to be back soon after a broker is, and seldom enough to cost nothing while it is not. */
const retryDelayMs = (_client: unknown, _operation: string, attempt: number): number => Math.min(100 * attempt, 1_000);

/** What all clients have in common. */
export function clientOptions({ brokers, clientId, tls, sasl }: KafkaOptions): BaseOptions {
  return {
    bootstrapBrokers: [...brokers],
    clientId,
    connectTimeout: requestTimeoutMs,
    requestTimeout: requestTimeoutMs,
    timeout: requestTimeoutMs,
    retries: 30,
    retryDelay: retryDelayMs,
    autocreateTopics: false,
    ...(tls === undefined ? {} : { tls }),
    ...(sasl === undefined ? {} : { sasl }),
  };
}
