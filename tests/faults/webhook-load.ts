// Messages that make events, and what endpoints must have received of them in the end; and which worker of a cluster sends for one.

import { expect } from 'bun:test';
import { until } from '@hongyan/testing/until';
import type { WebhookReceiver } from '@hongyan/testing/webhook-receiver';
import type { WireClient } from '@hongyan/testing/wire-client';
import type { ClusterUnderTest } from '../cluster-server.ts';
import type { ServerProcess } from '../server-process.ts';

const inFlightMax = 6;
export const peers = ['bob', 'carol', 'dave', 'erin'];

/** By the logs of the workers: the one that began last, once it is alive. */
export async function senderOf(cluster: ClusterUnderTest, endpointId: string): Promise<ServerProcess> {
  let found: ServerProcess | undefined;
  await until(
    () => {
      const begun = cluster.workers.map((worker) => [lastBegun(worker, endpointId), worker] as const);
      found = begun.toSorted(([one], [other]) => (one < other ? 1 : -1))[0]?.[1];
      return found?.isAlive() === true && lastBegun(found, endpointId) !== '';
    },
    { withinMs: 30_000, what: `a worker to send for ${endpointId}` },
  );
  if (!found) throw new Error('it was there a moment ago');
  return found;
}

/** The time of it; empty when it never did. */
function lastBegun(worker: ServerProcess, endpointId: string): string {
  const lines = worker.output().split('\n');
  const line = lines.findLast(
    (one) => one.includes('started sending to a webhook endpoint') && one.includes(endpointId) && one.endsWith('}'),
  );
  return line === undefined ? '' : JSON.parse(line).time;
}

/** Each acknowledged message, in the order of its conversation, under one id, signed. */
export async function expectAllDelivered(own: WebhookReceiver, acked: ReadonlyMap<string, number>): Promise<void> {
  await until(
    () => {
      const delivered = new Set(own.events.map(({ data }) => String(data.client_msg_id)));
      return [...acked.keys()].every((key) => delivered.has(key));
    },
    { withinMs: 60_000, what: 'every acknowledged message to be delivered' },
  );
  const lastSeq = new Map<string, number>();
  for (const { data } of own.events) {
    const [conversation, seq] = [String(data.conversation_id), Number(data.seq)];
    expect({ conversation, seq }).toEqual({ conversation, seq: (lastSeq.get(conversation) ?? 0) + 1 });
    lastSeq.set(conversation, seq);
    const key = String(data.client_msg_id);
    // What was not acknowledged may have been committed all the same.
    if (acked.has(key)) expect({ key, seq: acked.get(key) }).toEqual({ key, seq });
  }
  const idByPlace = new Map<string, string>();
  for (const { event, headers, validSecrets } of own.received) {
    const place = `${event.data.conversation_id} ${event.data.seq}`;
    const id = headers.get('webhook-id') ?? '';
    expect({ place, id: idByPlace.get(place) ?? id, validSecrets }).toEqual({ place, id, validSecrets: 1 });
    idByPlace.set(place, id);
  }
}

/** Until the connection ends. */
export async function write(
  wire: WireClient,
  load: {
    readonly acked: Map<string, number>;
    readonly random: () => number;
    readonly round: number;
    /** Of each writer, between two messages. */
    readonly pauseMs?: number;
  },
): Promise<void> {
  let isOver = false;
  void wire.closed.then(() => {
    isOver = true;
  });
  let count = 0;
  const writer = async () => {
    while (!isOver) {
      const to = peers[Math.floor(load.random() * peers.length)] ?? 'bob';
      const client_msg_id = `${load.round} ${++count}`;
      const content = { type: 'text', text: client_msg_id };
      const ack = await wire.request({ type: 'send', to, client_msg_id, content });
      if (ack?.type === 'ack') load.acked.set(client_msg_id, Number(ack.seq));
      if (load.pauseMs !== undefined) await Bun.sleep(load.pauseMs);
    }
  };
  await Promise.all(Array.from({ length: inFlightMax }, writer));
}
