// The load on direct messages against a server that refuses some sends: what is counted, and that latencies stay those of their messages.

import { afterEach, expect, test } from 'bun:test';
import type { UserId } from '@hongyan/protocol/ids';
import { until } from '@hongyan/testing/until';
import { BenchConnection } from './connection.ts';
import { newRecorder, Pair, runDirect } from './direct.ts';

const names = ['alice', 'bob'] as unknown as readonly [UserId, UserId];
let stop: () => void = () => {};
afterEach(() => stop());

/** Stores, pushes and confirms at once. `refuses` names the sends that get an error instead, counted from 1. */
function startServer(refuses: (send: number) => boolean) {
  const sockets = new Map<string, Bun.ServerWebSocket<{ user: string }>>();
  let sends = 0;
  let seq = 0;
  const server = Bun.serve<{ user: string }, never>({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (request, self) => (self.upgrade(request, { data: { user: '' } }) ? undefined : new Response('no')),
    websocket: {
      message(socket, text) {
        const parsed: unknown = JSON.parse(String(text));
        for (const frame of (Array.isArray(parsed) ? parsed : [parsed]) as Record<string, unknown>[]) {
          const send = (user: string, reply: object) => sockets.get(user)?.send(JSON.stringify(reply));
          if (frame.type === 'hello') {
            socket.data.user = String(frame.token);
            sockets.set(socket.data.user, socket);
            socket.send('{"type":"welcome"}');
          } else if (frame.type === 'send') {
            sends++;
            // As a pin or an edit in the conversation: no error, though its type begins with the same letter.
            if (sends === 1) send('alice', { type: 'entry', seq: 0 });
            if (refuses(sends)) send('alice', { type: 'error', id: frame.id, code: 'overloaded' });
            else {
              seq++;
              send('alice', { type: 'ack', id: frame.id, seq });
              send('bob', { type: 'message', seq, client_msg_id: frame.client_msg_id });
            }
          } else send('alice', { type: 'receipt', delivered_seq: frame.seq });
        }
      },
    },
  });
  stop = () => void server.stop(true);
  return { port: server.port as number };
}

async function openPair(port: number): Promise<Pair> {
  const [sender, receiver] = await Promise.all(
    names.map(async (token) => {
      const connection = new BenchConnection({
        ...{ host: '127.0.0.1', port, token, deviceId: 'd', timeoutMs: 10_000 },
      });
      await connection.open();
      return connection;
    }),
  );
  if (!sender || !receiver) throw new Error('two ends');
  return new Pair({ sender, receiver }, names);
}

test('refused sends are counted as refused alone, and no load counts them again', async () => {
  const { port } = startServer((send) => send <= 40 && send % 2 === 0);
  const pair = await openPair(port);
  const first = await runDirect([pair], { type: 'rate', perS: 200 }, 0.2);
  expect(first).toMatchObject({ refused: 20, lost: 0, errors: 0 });
  expect(first.firstRefusal).toContain('overloaded');
  const second = await runDirect([pair], { type: 'rate', perS: 200 }, 0.2);
  expect(second).toMatchObject({ refused: 0, lost: 0, errors: 0 });
});

test('each latency counts from when its own message was due, also behind refused ones', async () => {
  const { port } = startServer((send) => send === 1);
  const pair = await openPair(port);
  const recorder = newRecorder();
  pair.begin(recorder, 0);
  const hourMs = 3_600_000;
  pair.add(performance.now());
  pair.add(performance.now() - hourMs);
  pair.flush();
  await until(() => recorder.completed === 1);
  for (const latency of [recorder.ack, recorder.receive, recorder.receipt])
    expect(latency.quantiles().p50Ms).toBeGreaterThan(0.9 * hourMs);
});

test('a refused send frees its place in a closed loop', async () => {
  const { port } = startServer((send) => send % 3 === 0);
  const result = await runDirect([await openPair(port)], { type: 'closed', window: 1 }, 0.2);
  expect(result.completed).toBeGreaterThan(2);
  expect(result.refused).toBeGreaterThan(1);
  expect(result.lost).toBe(0);
});
