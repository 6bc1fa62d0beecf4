// What those who run the server see of it while people use it.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { findRunning } from '@hongyan/server/compose/commands/running-file';
import { rejectionOf } from '@hongyan/testing/rejection';
import { until } from '@hongyan/testing/until';
import { OperatorClient } from '../../packages/cli/src/operator-client.ts';
import { Scrape } from '../scrape.ts';
import { killServers, removeDataFolders, type ServerProcess } from '../server-process.ts';
import { messageWith, Person, text } from './people.ts';
import { profiles } from './profiles.ts';

describe.each(profiles)('operators on $name', (profile) => {
  let server: ServerProcess;

  beforeAll(async () => {
    server = await profile.start();
  });
  afterAll(async () => {
    await killServers();
    await removeDataFolders();
  });

  test('[O4] one scrape counts what people did, whichever process served them', async () => {
    const [alice, bob] = [await Person.join(server.url, 'alice'), await Person.join(server.url, 'bob')];
    const devices = await Promise.all([alice.device('a1'), bob.device('b1'), bob.device('b2')]);
    const [sending, receiving] = devices;
    for (const key of ['k1', 'k2', 'k3']) {
      await sending?.request({ type: 'send', to: 'bob', client_msg_id: key, content: text('hello') });
      await receiving?.next(messageWith(key));
    }
    await receiving?.request({ type: 'catch_up', conversation_id: 'd:alice:bob', after_seq: 0 });
    expect(await receiving?.request({ type: 'history', conversation_id: 'd:x:y' })).toMatchObject({ type: 'error' });
    const open = await Scrape.of(server);
    expect(open.sum('hongyan_connections')).toBe(3);
    expect(open.sum('hongyan_online_users')).toBe(2);
    expect(open.sum('hongyan_handshakes_total', 'result="welcome"')).toBe(3);
    expect(open.sum('hongyan_frames_in_total', 'type="send"')).toBe(3);
    expect(open.sum('hongyan_frames_out_total', 'type="ack"')).toBe(3);
    expect(open.sum('hongyan_frames_out_total', 'type="message"')).toBe(9);
    expect(open.sum('hongyan_operations_total', 'operation="send"', 'result="ok"')).toBe(3);
    expect(open.sum('hongyan_operations_total', 'operation="history"', 'result="not_member"')).toBe(1);
    expect(open.sum('hongyan_operations_total', 'operation="signup"', 'result="ok"')).toBe(2);
    expect(open.sum('hongyan_operation_seconds_count', 'operation="send"')).toBe(3);
    expect(open.sum('hongyan_send_receive_seconds_count')).toBeGreaterThan(0);
    expect(open.sum('hongyan_batch_size_sum', 'store="timeline"')).toBe(3);
    // A database of its own says nothing of its flushes.
    if (profile.name !== 'cluster') expect(open.sum('hongyan_fsync_seconds_count', 'store="timeline"')).toBe(3);
    expect(open.sum('hongyan_entries_read_total', 'operation="catch_up"')).toBe(3);
    expect(open.sum('hongyan_queue_depth')).toBe(0);
    expect(open.sum('hongyan_process_up')).toBe(open.sum('hongyan_build_info'));
    await Promise.all(devices.map((device) => device.close()));
    await until(async () => (await Scrape.of(server)).sum('hongyan_closes_total', 'reason="client"') === 3);
  });

  test('[O4] no user, device, conversation, message or address is in a scrape', async () => {
    const person = await Person.join(server.url, 'very-personal');
    const device = await person.device('a-device-of-hers');
    await device.request({ type: 'send', to: 'very-personal', client_msg_id: 'her-key', content: text('her words') });
    const { text: scraped } = await Scrape.of(server);
    for (const word of ['very-personal', 'a-device-of-hers', 'her-key', 'her words', '127.0.0.1'])
      expect(scraped).not.toContain(word);
    await device.close();
  });

  test('[O5] connections are listed page by page, with what an operator needs and no text', async () => {
    const person = await Person.join(server.url, 'listed');
    const devices = await Promise.all(['d1', 'd2', 'd3'].map((id) => person.device(id)));
    const operator = await OperatorClient.connect(server.dataDir);
    const names = (await Scrape.of(server)).text.matchAll(/^hongyan_connections\{process="([^"]+)"\}/gm);
    const found: Record<string, unknown>[] = [];
    for (const [, name] of names) {
      let after: number | undefined = 0;
      while (after !== undefined) {
        const path = `/debug/connections?process=${name}&user_id=listed&limit=1&after=${after}`;
        const page = (await operator.request('GET', path)) as Page;
        found.push(...page.connections);
        after = page.next;
      }
    }
    expect(found.map(({ device_id }) => device_id).sort()).toEqual(['d1', 'd2', 'd3']);
    expect(found[0]).toEqual({
      connection: expect.any(Number),
      state: 'open',
      address: expect.stringContaining('127.0.0.1'),
      user_id: 'listed',
      device_id: expect.any(String),
      session_id: expect.any(String),
      silent_ms: expect.any(Number),
      in_flight: 0,
      unread_bytes: 0,
      followed: 0,
    });
    await Promise.all(devices.map((device) => device.close()));
  });

  test('[O5] /debug/vars answers for each process, and an unknown one is named', async () => {
    const operator = await OperatorClient.connect(server.dataDir);
    const { pid } = (await findRunning(server.dataDir)) ?? {};
    expect(await operator.request('GET', '/debug/vars')).toMatchObject({ pid, values: expect.anything() });
    const unknown = operator.request('GET', '/debug/vars?process=gateway-9');
    expect(String(await rejectionOf(unknown))).toMatch(/there is no process gateway-9: there are [\w-]*core/);
  });
});

interface Page {
  readonly connections: readonly Record<string, unknown>[];
  readonly next?: number;
}
