// Who is there: presence, typing, heartbeat, and what is left of a connection that is gone.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { WireClient } from '@hongyan/testing/wire-client';
import { killServers, removeDataFolders, type ServerProcess } from '../server-process.ts';
import { ofType, Person, text } from './people.ts';
import { profiles } from './profiles.ts';

describe.each(profiles)('presence on $name', (profile) => {
  let server: ServerProcess;
  let alice: Person;
  let bob: Person;

  beforeAll(async () => {
    server = await profile.start({ HONGYAN_HEARTBEAT_MS: '400', HONGYAN_HELLO_TIMEOUT_MS: '300' });
    alice = await Person.join(server.url, 'alice');
    bob = await Person.join(server.url, 'bob');
  });
  afterAll(async () => {
    await killServers();
    await removeDataFolders();
  });

  test('who asked hears of the first session that comes and the last that goes', async () => {
    const a = await alice.device('a');
    const asked = await a.request({ type: 'presence', user_ids: ['bob'] });
    expect(asked?.users).toMatchObject([{ user_id: 'bob', online: false }]);
    const b1 = await bob.device('b1');
    expect(await a.next(ofType('presence'))).toMatchObject({ user_id: 'bob', online: true });
    const b2 = await bob.device('b2');
    await b1.close();
    expect((await a.request({ type: 'presence', user_ids: ['bob'] }))?.users).toMatchObject([{ online: true }]);
    await b2.close();
    expect(await a.next((frame) => frame.type === 'presence' && frame.online === false)).toMatchObject({
      user_id: 'bob',
    });
    await a.close();
  });

  test('typing reaches the others, not oneself', async () => {
    const [a, b] = [await alice.device('a'), await bob.device('b')];
    await a.request({ type: 'send', to: 'bob', client_msg_id: 'first', content: text('x') });
    a.raw(JSON.stringify({ type: 'typing', conversation_id: 'd:alice:bob' }));
    expect(await b.next(ofType('typing'))).toMatchObject({ user_id: 'alice', conversation_id: 'd:alice:bob' });
    expect(await a.ping()).toBe(true);
    expect(a.frames.some(ofType('typing'))).toBe(false);
    await Promise.all([a.close(), b.close()]);
  });

  test('[M2] a client that answers pings stays, however long it says nothing', async () => {
    const a = await alice.device('a');
    // Chromium and Bun answer the server's WebSocket pings by themselves; three intervals pass.
    await Bun.sleep(1400);
    expect(await a.ping()).toBe(true);
    await a.close();
  });

  test('a connection that never says hello is closed as protocol_error', async () => {
    const silent = await WireClient.connect({ url: server.url, token: '', userId: 'alice', deviceId: 'a' });
    expect((await silent.closed).code).toBe(4202);
  });

  test('a second hello of a device replaces the first', async () => {
    const first = await alice.device('same');
    const second = await alice.device('same');
    expect((await first.closed).code).toBe(4203);
    expect(await second.ping()).toBe(true);
    await second.close();
  });

  test('a stop tells everyone to come back', async () => {
    const own = await profile.start();
    const carol = await Person.join(own.url, 'carol');
    const device = await carol.device('c');
    const stopped = own.stop();
    const goingAway = await device.next(ofType('going_away'));
    expect(goingAway.reconnect_after_ms).toBeNumber();
    expect((await device.closed).code).toBe(4000);
    expect(await stopped).toBe(0);
  });
});
