// Reconnecting, or not: close codes and back-off against a server that sends exactly what the test wants.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { rejectionOf } from '@hongyan/testing/rejection';
import { until } from '@hongyan/testing/until';
import type { Client, ConnectionState } from './api.ts';
import { createClient } from './client.ts';
import { ScriptedServer, tokenOf } from './testing/scripted-server.ts';

let server: ScriptedServer;
let clock: ManualClock;
let client: Client;
let states: ConnectionState[];
let hopeful: (() => void) | undefined;
let offline: (() => void) | undefined;
beforeEach(() => {
  server = new ScriptedServer();
  clock = new ManualClock();
  states = [];
  client = createClient(
    { url: server.url, token: () => tokenOf('me') },
    {
      clock,
      random: () => 0.5,
      signals: {
        onHopeful(run) {
          hopeful = run;
          return () => {
            hopeful = undefined;
          };
        },
        onOffline(run) {
          offline = run;
          return () => {
            offline = undefined;
          };
        },
      },
    },
  );
  client.on('state', (state) => states.push(state));
});
afterEach(async () => {
  await client.close();
  await server.stop();
});

const stateOf = (type: ConnectionState['type']) =>
  new Promise<ConnectionState>((resolve) => {
    if (client.state.type === type) return resolve(client.state);
    const stop = client.on('state', (state) => {
      if (state.type !== type) return;
      stop();
      resolve(state);
    });
  });

async function online() {
  const coming = server.connection();
  await client.connect();
  return coming;
}

describe('close codes', () => {
  test.each([4000, 4001, 4002])('[C6] after %i it reconnects within a moment', async (code) => {
    const connection = await online();
    connection.close(code);
    await stateOf('reconnecting');
    const again = server.connection();
    expect(clock.nextInMs).toBe(150);
    clock.advance(150);
    await again;
    await stateOf('online');
  });

  test('[C6][O21] after going_away it comes back at the moment that the server gave it', async () => {
    const connection = await online();
    connection.send({ type: 'going_away', reconnect_after_ms: 8_000 });
    connection.close(4000);
    await stateOf('reconnecting');
    expect(clock.nextInMs).toBe(8_000);
  });

  test.each([4100, 4101, 1006, 1011])(
    '[C6] after %i it backs off, longer each time, then anew after a good connection',
    async (code) => {
      server.heartbeatMs = 60_000;
      const delays: (number | undefined)[] = [];
      const lose = async (connection: { close(code: number): void }) => {
        connection.close(code === 1006 ? 1001 : code);
        await stateOf('reconnecting');
        delays.push(clock.nextInMs);
      };
      const reconnect = async () => {
        const again = server.connection();
        clock.advance(clock.nextInMs ?? 0);
        const connection = await again;
        await stateOf('online');
        return connection;
      };
      await lose(await online());
      await lose(await reconnect());
      await lose(await reconnect());
      const good = await reconnect();
      clock.advance(5_000);
      await lose(good);
      // [C12] Who asked for too much stays away for a second before that.
      const first = code === 4101 ? 1_000 : 0;
      expect(delays).toEqual([500, 1_000, 2_000, 250].map((delayMs) => first + delayMs));
    },
  );

  test.each([
    [4201, 'token_revoked'],
    [4202, 'protocol_error'],
  ] as const)('[C6] after %i it stays closed with the reason %s', async (code, reason) => {
    const connection = await online();
    connection.close(code);
    expect(await stateOf('closed')).toEqual({ type: 'closed', reason });
    clock.advance(120_000);
    expect(server.connections).toHaveLength(1);
    expect(clock.nextInMs).toBeUndefined();
  });

  test('[C6] a token that expires on an open connection is requested anew; a token that is refused then ends it', async () => {
    const connection = await online();
    connection.close(4200);
    await stateOf('reconnecting');
    const again = server.connection();
    clock.advance(clock.nextInMs ?? 0);
    const fresh = await again;
    await stateOf('online');
    server.answer = (refusing, { type }) => {
      if (type === 'hello') refusing.close(4200);
      return type === 'hello';
    };
    fresh.close(4200);
    await stateOf('reconnecting');
    clock.advance(clock.nextInMs ?? 0);
    expect(await stateOf('closed')).toEqual({ type: 'closed', reason: 'unauthorized' });
  });

  test('[C6] a hello that reached the server too late is sent again; a refused hello is not', async () => {
    server.answer = (connection, { type }) => {
      if (type === 'hello') connection.close(4202);
      return true;
    };
    client.connect().catch(() => {});
    await stateOf('reconnecting');
    server.answer = (connection) => {
      connection.send({ type: 'error', code: 'bad_request', message: 'what is this?' });
      connection.close(4202);
      return true;
    };
    clock.advance(clock.nextInMs ?? 0);
    expect(await stateOf('closed')).toEqual({ type: 'closed', reason: 'protocol_error' });
  });

  /** Is online again, and replaced. */
  async function replaced() {
    const next = server.connection();
    clock.advance(clock.nextInMs ?? 0);
    const connection = await next;
    await stateOf('online');
    connection.close(4203);
  }

  test('[C6] replaced, perhaps by a late hello of an earlier run, it reconnects, and gives way to a client that does too', async () => {
    (await online()).close(4203);
    await stateOf('reconnecting');
    await replaced();
    expect(await stateOf('closed')).toEqual({ type: 'closed', reason: 'replaced' });
    expect(clock.nextInMs).toBeUndefined();
    await client.connect();
    server.connections.at(-1)?.close(4203);
    expect(await stateOf('closed')).toEqual({ type: 'closed', reason: 'replaced' });
  });

  test('[C6] it reconnects as often as it abandoned hellos in the last two minutes', async () => {
    server.answer = () => true;
    const coming = server.connection();
    client.connect().catch(() => {});
    await (await coming).next('hello');
    clock.advance(15_000);
    await stateOf('reconnecting');
    server.answer = () => false;
    await replaced();
    await stateOf('reconnecting');
    await replaced();
    await stateOf('reconnecting');
    await replaced();
    expect(await stateOf('closed')).toEqual({ type: 'closed', reason: 'replaced' });
  });

  test('[C6] closed on purpose it does not reconnect, and can be opened again', async () => {
    await online();
    await client.close();
    expect(client.state).toEqual({ type: 'closed', reason: 'on_purpose' });
    clock.advance(120_000);
    expect(server.connections).toHaveLength(1);
    await client.connect();
    expect(client.state).toEqual({ type: 'online' });
  });

  test('a token the server does not accept rejects connect', async () => {
    server.answer = (connection) => {
      connection.send({ type: 'error', code: 'unauthorized', message: 'expired' });
      connection.close(4200);
      return true;
    };
    expect(await rejectionOf(client.connect())).toMatchObject({ code: 'unauthorized' });
  });
});

describe('messages that are no frames', () => {
  test.each(['', '{"type":', 'null', '7', '{"type":"message"}'])(
    '[C2] %p costs the connection, not the process: what it was is found by the next sync',
    async (text) => {
      const connection = await online();
      connection.sendText(text);
      await stateOf('reconnecting');
      clock.advance(clock.nextInMs ?? 0);
      await stateOf('online');
    },
  );

  test('an error that answers no request is reported as a warning', async () => {
    const connection = await online();
    const warned = new Promise<{ message: string }>((resolve) => client.on('warning', resolve));
    connection.send({ type: 'error', code: 'bad_request', message: 'what is this?' });
    expect((await warned).message).toContain('what is this?');
    expect(client.state.type).toBe('online');
  });
});

describe('beyond the rate', () => {
  const refuse = (name: string) => {
    server.heartbeatMs = 60_000;
    server.answer = (connection, { type, id }) => {
      if (type === name)
        connection.send({ type: 'error', id, code: 'rate_limited', message: 'wait', retry_after_ms: 5_000 });
      return type === name;
    };
  };

  test.each(['closed', 'lost'])('[C12] a request waits no longer than its connection: %s', async (how) => {
    refuse('history');
    const connection = await online();
    const asked = rejectionOf(client.history({ conversationId: 'g:1' as never }));
    await until(() => clock.nextInMs === 5_050);
    if (how === 'closed') await client.close();
    else connection.close(4000);
    expect(await asked).toMatchObject({ code: 'unavailable' });
    await client.close();
    expect(clock.nextInMs).toBeUndefined();
  });

  test('[D9] presence does not keep the client from being online', async () => {
    refuse('presence');
    await client.watchPresence(['you' as never]);
    await online();
    expect(client.state.type).toBe('online');
  });
});

describe('frames that cannot leave', () => {
  test('[C4] a frame that is larger than the server takes fails alone, and the connection stays', async () => {
    server.limits = { frame_bytes_max: 1_000 };
    await online();
    const content = { type: 'text', text: '鸿'.repeat(400) };
    expect(await rejectionOf(client.send({ to: 'you' as never }, content))).toMatchObject({ code: 'too_large' });
    expect(client.outbox()).toMatchObject([{ status: 'failed', error: { code: 'too_large' } }]);
    expect(client.state.type).toBe('online');
  });

  test('[D9] presence that the server refuses does not keep the client from being online, and is not requested again', async () => {
    server.answer = (connection, { type, id }) => {
      if (type === 'presence') connection.send({ type: 'error', id, code: 'bad_request', message: 'no such id' });
      return type === 'presence';
    };
    await client.watchPresence(['not an id' as never]);
    const warned = new Promise((resolve) => client.on('warning', resolve));
    const connection = await online();
    await warned;
    expect(connection.frames.filter(({ type }) => type === 'presence')).toHaveLength(1);
    connection.close(4000);
    await stateOf('reconnecting');
    const again = server.connection();
    clock.advance(clock.nextInMs ?? 0);
    await stateOf('online');
    expect((await again).frames.map(({ type }) => type)).toEqual(['hello', 'sync']);
  });
});

describe('a network that is lost and returns', () => {
  test('[C6] back online, or visible again, it does not wait for the rest of the back-off', async () => {
    const connection = await online();
    connection.close(4100);
    await stateOf('reconnecting');
    const again = server.connection();
    hopeful?.();
    await again;
    await stateOf('online');
  });

  test('[C6] a machine that lost its network gives the connection up at once', async () => {
    await online();
    offline?.();
    expect(client.state.type).toBe('reconnecting');
  });

  test('[C6] a server that never answers is given up after 15 s', async () => {
    server.answer = () => true;
    const coming = server.connection();
    client.connect().catch(() => {});
    await (await coming).next('hello');
    clock.advance(14_999);
    expect(client.state.type).toBe('connecting');
    clock.advance(1);
    expect(client.state.type).toBe('reconnecting');
  });
});
