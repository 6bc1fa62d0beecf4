// Coming back, or not: close codes, back-off and heartbeat against a server that says exactly what the test wants.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { rejectionOf } from '@hongyan/testing/rejection';
import { until } from '@hongyan/testing/until';
import type { Client, ConnectionState } from './api.ts';
import { createClient } from './client.ts';
import { type ScriptedConnection, ScriptedServer, tokenOf } from './testing/scripted-server.ts';

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

  test('[C6] going_away says how long to spread the return over', async () => {
    const connection = await online();
    connection.send({ type: 'going_away', reconnect_after_ms: 8_000 });
    connection.close(4000);
    await stateOf('reconnecting');
    expect(clock.nextInMs).toBe(4_000);
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
      expect(delays).toEqual([500, 1_000, 2_000, 250]);
    },
  );

  test.each([
    [4201, 'token_revoked'],
    [4202, 'protocol_error'],
  ] as const)('[C6] after %i it stays closed and says %s', async (code, reason) => {
    const connection = await online();
    connection.close(code);
    expect(await stateOf('closed')).toEqual({ type: 'closed', reason });
    clock.advance(120_000);
    expect(server.connections).toHaveLength(1);
    expect(clock.nextInMs).toBeUndefined();
  });

  test('[C6] a token that expires on an open connection is asked for anew; one that is refused then ends it', async () => {
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

  test('[C6] a hello that reached the server too late is said again; one that it refused is not', async () => {
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

  test('[C6] replaced, perhaps by a late hello of an earlier run, it comes back, and gives way to one that does too', async () => {
    (await online()).close(4203);
    await stateOf('reconnecting');
    await replaced();
    expect(await stateOf('closed')).toEqual({ type: 'closed', reason: 'replaced' });
    expect(clock.nextInMs).toBeUndefined();
    await client.connect();
    server.connections.at(-1)?.close(4203);
    expect(await stateOf('closed')).toEqual({ type: 'closed', reason: 'replaced' });
  });

  test('[C6] it comes back as often as it gave up hellos of its own in the last two minutes', async () => {
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

  test('[C6] closed on purpose it does not come back, and can be opened again', async () => {
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

describe('what is no frame', () => {
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

  test('an error that answers nothing is told as a warning', async () => {
    const connection = await online();
    const warned = new Promise<{ message: string }>((resolve) => client.on('warning', resolve));
    connection.send({ type: 'error', code: 'bad_request', message: 'what is this?' });
    expect((await warned).message).toContain('what is this?');
    expect(client.state.type).toBe('online');
  });
});

describe('frames that cannot leave', () => {
  test('[C4] one that is larger than the server takes fails alone, and the connection stays', async () => {
    server.limits = { frame_bytes_max: 1_000 };
    await online();
    const content = { type: 'text', text: '鸿'.repeat(400) };
    expect(await rejectionOf(client.send({ to: 'you' as never }, content))).toMatchObject({ code: 'too_large' });
    expect(client.outbox()).toMatchObject([{ status: 'failed', error: { code: 'too_large' } }]);
    expect(client.state.type).toBe('online');
  });

  test('[D9] presence that the server refuses keeps nobody from being online, and is not asked for again', async () => {
    server.answer = (connection, { type, id }) => {
      if (type === 'presence') connection.send({ type: 'error', id, code: 'bad_request', message: 'no such id' });
      return type === 'presence';
    };
    await client.watchPresence(['not an id' as never]);
    const connection = await online();
    expect(connection.frames.filter(({ type }) => type === 'presence')).toHaveLength(1);
    connection.close(4000);
    await stateOf('reconnecting');
    const again = server.connection();
    clock.advance(clock.nextInMs ?? 0);
    await stateOf('online');
    expect((await again).frames.map(({ type }) => type)).toEqual(['hello', 'sync']);
  });
});

describe('a network that comes and goes', () => {
  test('[C6] back online, or looked at again, it does not wait for the rest of the back-off', async () => {
    const connection = await online();
    connection.close(4100);
    await stateOf('reconnecting');
    const again = server.connection();
    hopeful?.();
    await again;
    await stateOf('online');
  });

  test('[C7] looked at again it asks whether a connection still lives, and does not wait for two intervals', async () => {
    server.heartbeatMs = 60_000;
    const connection = await online();
    hopeful?.();
    await connection.next('ping');
    const heard = new Promise((resolve) => client.on('typing', resolve));
    connection.send({ type: 'typing', conversation_id: 'd:me:you', user_id: 'you' });
    await heard;
    clock.advance(59_000);
    hopeful?.();
    // The heartbeat that comes in between is another question.
    clock.advance(9_000);
    expect(client.state.type).toBe('online');
    clock.advance(1_000);
    expect(client.state.type).toBe('reconnecting');
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

describe('heartbeat', () => {
  /** Resolves when the client has handled what the server sent so far. */
  async function settled(connection: ScriptedConnection): Promise<void> {
    const seen = new Promise((resolve) => client.on('typing', resolve));
    connection.send({ type: 'typing', conversation_id: 'd:me:you', user_id: 'you' });
    await seen;
  }
  /** Resolves with the number of pings that the server has received. */
  async function pings(connection: ScriptedConnection): Promise<number> {
    client.history({ conversationId: 'd:me:you' as never }).catch(() => {});
    await until(() => connection.frames.at(-1)?.type === 'history');
    return connection.frames.filter(({ type }) => type === 'ping').length;
  }

  test('[C7] after a silent interval it asks; an answer arms it anew; silence for two intervals means dead', async () => {
    const connection = await online();
    clock.advance(1_000);
    await connection.next('ping');
    connection.send({ type: 'pong' });
    await settled(connection);
    clock.advance(1_999);
    expect(client.state.type).toBe('online');
    clock.advance(1);
    expect(client.state.type).toBe('reconnecting');
  });

  test('[C7] a client that only receives pings once an interval: its own direction is never silent', async () => {
    const connection = await online();
    for (let step = 0; step < 8; step++) {
      clock.advance(500);
      await settled(connection);
    }
    expect(client.state.type).toBe('online');
    expect(await pings(connection)).toBe(4);
  });

  test('[C7] a client that only sends asks after an interval without an answer, and finds the connection dead', async () => {
    server.answer = (_connection, { type }) => type === 'ping';
    const connection = await online();
    for (let step = 0; step < 3; step++) {
      clock.advance(500);
      client.typing(`g:${step}` as never);
    }
    await connection.next('ping');
    expect(client.state.type).toBe('online');
    clock.advance(500);
    expect(client.state.type).toBe('reconnecting');
  });

  test('[C7] the timer of a page in the background, late by minutes, asks before it judges', async () => {
    const connection = await online();
    clock.suspend(600_000);
    expect(client.state.type).toBe('online');
    clock.suspend(600_000);
    await connection.next('ping');
    expect(client.state.type).toBe('online');
    // Nothing arrives in an interval that passed as it should.
    clock.advance(1_000);
    expect(client.state.type).toBe('reconnecting');
  });

  test('[C7] a request without an answer in time means dead, and what it asked is asked again', async () => {
    server.heartbeatMs = 60_000;
    server.answer = (_connection, frame) => frame.type === 'send';
    const connection = await online();
    const sent = client.send({ to: 'you' as never }, { type: 'text', text: 'x' }, { clientMsgId: 'k' as never });
    await connection.next('send');
    clock.advance(10_000);
    expect(client.state.type).toBe('reconnecting');
    server.answer = (again, { type, id, client_msg_id }) => {
      if (type !== 'send') return false;
      const ack = { msg_id: 'm', conversation_id: 'd:me:you', seq: 1, timestamp: 5, status: 'ack', duplicate: true };
      again.send({ type: 'ack', id, client_msg_id, ...ack });
      return true;
    };
    clock.advance(clock.nextInMs ?? 0);
    expect((await sent).seq).toBe(1 as never);
  });
});
