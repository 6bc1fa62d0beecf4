// Clients that were away: each connects, asks what it missed, fetches it, and says that it has it.

import { BenchConnection } from '@hongyan/load/connection';
import { kinds, NumberField, textFrame } from '@hongyan/load/frames';
import { Histogram, type HistogramData } from '@hongyan/load/histogram';
import { mintToken } from '../token.ts';
import type { Target } from './pool.ts';

export interface BacklogRequest {
  readonly users: readonly string[];
  /** Every user's partner is this prefix and the user's name. */
  readonly partnerPrefix: string;
  readonly messagesEach: number;
  readonly concurrency: number;
  readonly from: readonly string[];
}

export interface BacklogResult {
  readonly elapsedS: number;
  readonly clients: number;
  readonly messages: number;
  readonly failures: readonly string[];
  /** From the first byte of the connection to the last message of the backlog. */
  readonly catchUp: HistogramData;
}

const timeoutMs = 60_000;

export async function runBacklog(target: Target, request: BacklogRequest): Promise<BacklogResult> {
  const { users, concurrency, from } = request;
  const catchUp = new Histogram();
  const failures: string[] = [];
  const open: BenchConnection[] = [];
  let next = 0;
  let messages = 0;
  const startedAt = performance.now();
  async function catchUpNext(): Promise<void> {
    for (let index = next++; index < users.length; index = next++) {
      const user = users[index] ?? '';
      const beganAt = performance.now();
      const connection = new BenchConnection({
        host: target.host,
        port: target.port,
        ...(from.length > 0 ? { from: from[index % from.length] ?? '' } : {}),
        token: mintToken(target.secret, user),
        deviceId: 'bench',
        timeoutMs,
      });
      try {
        await connection.open();
        open.push(connection);
        const count = await fetchAll(connection, `d:${request.partnerPrefix}${user}:${user}`, request.messagesEach);
        messages += count;
        catchUp.recordMs(performance.now() - beganAt);
      } catch (error) {
        failures.push(`${user}: ${error instanceof Error ? error.message : error}`);
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, users.length) }, catchUpNext));
  const elapsedS = (performance.now() - startedAt) / 1000;
  for (const connection of open) connection.close();
  return {
    elapsedS,
    clients: users.length - failures.length,
    messages,
    failures: failures.slice(0, 5),
    catchUp: catchUp.data(),
  };
}

const seqKey = Buffer.from('"seq":');

/** Resolves with the number of messages received; rejects when it is not the expected one. */
function fetchAll(connection: BenchConnection, conversationId: string, expected: number): Promise<number> {
  const lastSeq = new NumberField('last_seq');
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not caught up within ${timeoutMs} ms`)), timeoutMs);
    const settle = (run: () => void) => {
      clearTimeout(timer);
      connection.onMessage = undefined;
      run();
    };
    connection.onClose = (reason) => settle(() => reject(new Error(reason)));
    connection.onMessage = (bytes, start, end, kind) => {
      if (kind === kinds.sync) {
        const last = lastSeq.read(bytes, start, end);
        if (last !== expected) return settle(() => reject(new Error(`sync says last_seq ${last}`)));
        connection.write(
          frame({ type: 'history', id: 2, conversation_id: conversationId, after_seq: 0, limit: expected }),
        );
      } else if (kind === kinds.history) {
        const count = countOf(bytes, start, end);
        if (count !== expected) return settle(() => reject(new Error(`history has ${count} entries`)));
        connection.write(frame({ type: 'delivered', conversation_id: conversationId, seq: expected }));
        settle(() => resolve(count));
      } else if (kind === kinds.error) settle(() => reject(new Error(bytes.toString('utf8', start, end))));
    };
    connection.write(frame({ type: 'sync', id: 1 }));
  });
}

const frame = (value: unknown): Buffer => textFrame(JSON.stringify(value));

/** Entries of a page: each has one seq. */
function countOf(bytes: Buffer, start: number, end: number): number {
  let count = 0;
  for (let at = bytes.indexOf(seqKey, start); at >= 0 && at < end; at = bytes.indexOf(seqKey, at + 1)) count++;
  return count;
}
