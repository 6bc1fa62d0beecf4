// The connection options that all Kafka clients of a process share.

import type { BaseOptions } from '@platformatic/kafka';

export interface KafkaOptions {
  /** host:port of some brokers. The client discovers the others. */
  readonly brokers: readonly string[];
  /** Shown in the brokers' logs and metrics. */
  readonly clientId: string;
  /** The prefix of the names of topics and groups. */
  readonly prefix: string;
  /** The options of node:tls; {} for TLS with the certificate authorities of the machine. Absent: no TLS. */
  readonly tls?: BaseOptions['tls'];
  readonly sasl?: BaseOptions['sasl'];
}

/** The deadline of a request to a broker. */
const requestTimeoutMs = 5_000;

/** Grows to one second, so that the client reconnects soon after a broker returns, and costs little while it is away. */
const retryDelayMs = (_client: unknown, _operation: string, attempt: number): number => Math.min(100 * attempt, 1_000);

/** The options of every client. */
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
