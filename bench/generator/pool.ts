// Opens many authenticated connections with a bounded number of them under way at any moment.

import { BenchConnection } from '@hongyan/load/connection';
import { Histogram, type HistogramData } from '@hongyan/load/histogram';
import { mintToken } from '../token.ts';

export interface Target {
  readonly host: string;
  readonly port: number;
  readonly secret: string;
}

export interface OpenRequest {
  readonly users: readonly string[];
  readonly concurrency: number;
  /** Source addresses, taken in turn. */
  readonly from: readonly string[];
  /** Of the gateways, taken in turn. Absent: the target's. */
  readonly ports?: readonly number[];
}

export interface OpenResult {
  readonly opened: number;
  readonly failures: readonly string[];
  readonly elapsedS: number;
  readonly latency: HistogramData;
}

const timeoutMs = 30_000;

export async function openAll(
  { host, port, secret }: Target,
  { users, concurrency, from, ports = [port] }: OpenRequest,
): Promise<{ readonly connections: (BenchConnection | undefined)[]; readonly result: OpenResult }> {
  const tokens = users.map((user) => mintToken(secret, user));
  const connections: (BenchConnection | undefined)[] = new Array(users.length).fill(undefined);
  const failures: string[] = [];
  const latency = new Histogram();
  let next = 0;
  const startedAt = performance.now();
  async function openNext(): Promise<void> {
    for (let index = next++; index < users.length; index = next++) {
      const connection = new BenchConnection({
        host,
        port: ports[index % ports.length] ?? port,
        ...(from.length > 0 ? { from: from[index % from.length] ?? '' } : {}),
        token: tokens[index] ?? '',
        deviceId: 'bench',
        timeoutMs,
      });
      const beganAt = performance.now();
      try {
        await connection.open();
        latency.recordMs(performance.now() - beganAt);
        connections[index] = connection;
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, users.length) }, openNext));
  const elapsedS = (performance.now() - startedAt) / 1000;
  const opened = users.length - failures.length;
  return { connections, result: { opened, failures: failures.slice(0, 5), elapsedS, latency: latency.data() } };
}
