// What a user at its limit costs the others: direct messages at a fixed rate, alone and beside one that does not stop asking.

import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Bed,
  type Figure,
  measureInTurns,
  names,
  openAll,
  refuse,
  type Scenario,
  type Shape,
  withBed,
} from '../scenario.ts';
import { mintToken } from '../token.ts';
import { quantiles } from './direct.ts';

const pairCount = 50;
const users = names('user', pairCount * 2);
const flooder = 'flooder';
const perS = 500;
/** Fifty times what the free tier allows. */
const floodPerS = 500;
const floodTickMs = 10;
const rounds = 3;

const alone = shape('alone', 'the others alone', undefined);
const flooded = shape('flooded', `beside one user that asks ${floodPerS}/s of its 10/s`, flood);

export const limits: Scenario = {
  name: 'limits',
  summary: `direct messages at ${perS}/s, with and without one user at its limit`,
  shapes: [alone.id, flooded.id],
  async run(input) {
    const directs = Array.from(
      { length: pairCount },
      (_, index) => `d:${[users[index * 2] ?? '', users[index * 2 + 1] ?? ''].sort().join(':')}`,
    );
    const seed = { users: [...users, flooder], groups: [], directs, messagesEach: 0 };
    return withBed({ seed, cores: input.cores }, async (bed) => {
      await openAll(bed, users);
      return measureInTurns(bed, input, { scenario: 'limits', shapes: [alone, flooded], rounds });
    });
  },
};

interface Flood {
  stop(): { readonly refused: number; readonly closed: number };
}

function shape(id: string, name: string, besides: ((bed: Bed) => Flood) | undefined): Shape {
  return {
    id,
    name,
    item: 'message',
    warmUpS: 3,
    async run(bed, durationS) {
      const load = { type: 'rate', perS } as const;
      const running = besides?.(bed);
      const result = await bed.generator.call('direct', { load, durationS });
      const flooding = running?.stop();
      if (result.errors > 0) refuse([result.firstError], name);
      const latency = { ack: quantiles(result.ack), receive: quantiles(result.receive) };
      const extra: Figure['extra'] = flooding
        ? { 'refused/s': Math.round(flooding.refused / durationS), closed: flooding.closed }
        : {};
      return { count: result.completed, elapsedS: result.elapsedS, latency, extra };
    },
  };
}

/** Sends without waiting, and comes back at once whenever it is closed. */
function flood({ server, secret }: Bed): Flood {
  const token = mintToken(secret, flooder, { tier: 'free' });
  const stopped = new AbortController();
  const counts = { refused: 0, closed: 0 };
  const dial = () => {
    const socket = new WebSocket(`ws://${server.host}:${server.port}/v1/ws`);
    socket.addEventListener('open', () => {
      socket.send(JSON.stringify({ type: 'hello', token, device_id: 'flood' }));
      void send(socket, stopped.signal);
    });
    socket.addEventListener('message', ({ data }) => {
      if (String(data).includes('"rate_limited"')) counts.refused++;
    });
    socket.addEventListener('close', () => {
      counts.closed++;
      if (!stopped.signal.aborted) dial();
    });
  };
  dial();
  return {
    stop() {
      stopped.abort();
      return counts;
    },
  };
}

async function send(socket: WebSocket, signal: AbortSignal): Promise<void> {
  const content = { type: 'text', text: 'x' };
  for (let id = 1; socket.readyState === WebSocket.OPEN && !signal.aborted; ) {
    for (let sent = 0; sent < (floodPerS * floodTickMs) / 1000; sent++, id++) {
      const frame = { type: 'send', id, to: flooder, client_msg_id: `${Date.now()}-${id}`, content };
      socket.send(JSON.stringify(frame));
    }
    await sleep(floodTickMs);
  }
  socket.close();
}
