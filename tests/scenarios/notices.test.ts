// What an operator says to everyone: to those who are connected on every gateway, and to whoever connects while it is in force.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createClient } from '@hongyan/client';
import { signUp } from '@hongyan/testing/http-client';
import { until } from '@hongyan/testing/until';
import { WireClient } from '@hongyan/testing/wire-client';
import { OperatorClient } from '../../packages/cli/src/operator-client.ts';
import { killServers, removeDataFolders, type ServerProcess } from '../server-process.ts';
import { profiles } from './profiles.ts';

const path = '/admin/v1/notices';

describe.each(profiles)('notices on $name', (profile) => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await profile.start();
  }, 30_000);
  afterAll(async () => {
    await killServers();
    await removeDataFolders();
  });

  const publish = async (body: object) =>
    (await (await OperatorClient.connect(server.dataDir)).request('POST', path, body)) as { notice_id: string };

  test('[B1] reaches every connection once, whoever connects later, and after a restart', async () => {
    const accounts = await Promise.all(['ann', 'bob', 'cat', 'dan'].map((name) => signUp(server.url, name)));
    const open = ({ token, userId }: { token: string; userId: string }, deviceId: string) =>
      WireClient.open({ url: server.url, token, userId, deviceId });
    // Enough for each gateway to have some.
    const devices = await Promise.all(accounts.flatMap((one) => ['a', 'b', 'c'].map((device) => open(one, device))));
    const { notice_id } = await publish({ text: 'Maintenance at 22:00', severity: 'warning', for_s: 600 });
    const isIt = (frame: { readonly type: string }) => frame.type === 'notice';
    for (const device of devices)
      expect(await device.next(isIt)).toMatchObject({ notice_id, text: 'Maintenance at 22:00', severity: 'warning' });
    for (const device of devices) {
      await device.ping();
      expect(device.frames.filter(isIt)).toEqual([]);
    }
    const [ann] = accounts;
    if (ann === undefined) throw new Error('ann is there');
    const late = await open(ann, 'late');
    expect(await late.next(isIt)).toMatchObject({ notice_id });
    await Promise.all([...devices, late].map((device) => device.close()));
    expect(await server.stop()).toBe(0);
    server = await profile.restart(server);
    const after = await open(ann, 'after');
    expect(await after.next(isIt)).toMatchObject({ notice_id });
    await (await OperatorClient.connect(server.dataDir)).request('DELETE', `${path}/${notice_id}`);
    expect(await after.next(isIt)).toMatchObject({ notice_id, until: 0 });
    await after.close();
  }, 60_000);

  test('[B2] the client library reports it once, however often it is repeated, until it is withdrawn', async () => {
    const eve = await signUp(server.url, 'eve');
    const client = createClient({ url: server.url, token: () => eve.token });
    const reported: (readonly string[])[] = [];
    client.on('notices', (notices) => reported.push(notices.map(({ text }) => text)));
    await client.connect();
    for (let times = 0; times < 3; times++) await publish({ notice_id: 'n', text: 'one', for_s: 600 });
    await until(() => reported.length > 0);
    await publish({ notice_id: 'n', text: 'two', severity: 'critical' });
    await until(() => reported.at(-1)?.[0] === 'two');
    expect(reported.filter(([text]) => text === 'one').length).toBeLessThanOrEqual(3);
    client.dismissNotice('n');
    await client.close();
    await client.connect();
    expect(client.notices()).toEqual([]);
    await publish({ notice_id: 'away', text: 'withdrawn while the client is away', for_s: 600 });
    await until(() => client.notices().length === 1);
    await client.close();
    for (const id of ['n', 'away'])
      await (await OperatorClient.connect(server.dataDir)).request('DELETE', `${path}/${id}`);
    await client.connect();
    expect(client.notices()).toEqual([]);
    expect(await (await OperatorClient.connect(server.dataDir)).request('GET', path)).toEqual({ notices: [] });
    await client.close();
  }, 30_000);

  test('[B1] what is no notice is refused', async () => {
    const operator = await OperatorClient.connect(server.dataDir);
    for (const body of [
      {},
      { text: '' },
      { text: 'x'.repeat(1001) },
      { text: 'x', severity: 'loud' },
      { text: 'x', for_s: 0 },
    ])
      expect((await operator.fetch('POST', path, body)).status).toBe(400);
    expect((await operator.fetch('DELETE', `${path}/none`)).status).toBe(404);
  });
});
