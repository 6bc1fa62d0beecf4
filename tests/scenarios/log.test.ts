// The log of a busy server at its most talkative: it names who did what, and holds nothing of what they wrote.

import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { call } from '@hongyan/testing/http-client';
import { until } from '@hongyan/testing/until';
import { OperatorClient } from '../../packages/cli/src/operator-client.ts';
import { killServers, removeDataFolders, type ServerProcess } from '../server-process.ts';
import { Person, text } from './people.ts';
import { profiles } from './profiles.ts';

setDefaultTimeout(60_000);

describe.each(profiles)('the log on $name', (profile) => {
  afterAll(async () => {
    await killServers();
    await removeDataFolders();
  });

  const linesOf = (server: ServerProcess): readonly Record<string, unknown>[] =>
    server
      .output()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  test('[O7] debug lines name connection, user and message; no text, token or password is in them', async () => {
    const server = await profile.start({ HONGYAN_LOG_LEVEL: 'debug' });
    const [alice, bob] = [await Person.join(server.url, 'alice'), await Person.join(server.url, 'bob')];
    const device = await alice.device('a1');
    const other = await bob.device('b1');
    const words = 'nobody-but-bob-reads-this';
    const sent = await device.request({ type: 'send', to: 'bob', client_msg_id: 'k1', content: text(words) });
    const place = { conversation_id: 'd:alice:bob', seq: sent?.seq };
    await device.request({ type: 'edit', ...place, client_msg_id: 'k2', content: text(`${words}-edited`) });
    await other.request({ type: 'react', ...place, client_msg_id: 'k3', key: '👍', on: true });
    await device.request({ type: 'recall', ...place, client_msg_id: 'k4' });
    await device.request({ type: 'send', to: 'bob', client_msg_id: 'k5', content: { type: 'text', note: words } });
    device.raw(`{"type":"send","to":"bob","content":{"type":"text","text":"${words}"`);
    await call(server.url, '/v1/messages', {
      ...{ token: `${alice.account.token}x`, method: 'POST' },
      body: { to: 'bob', client_msg_id: 'k6', content: text(words) },
    });
    const login = { user_id: 'alice', password: 'a-wrong-password-of-hers' };
    await call(server.url, '/v1/auth/login', { method: 'POST', body: login });
    await Promise.all([device.close(), other.close()]);
    await until(() => linesOf(server).filter(({ message }) => message === 'connection closed').length === 2);
    const log = server.output();
    for (const secret of [words, alice.account.token, bob.account.token, 'a-wrong-password-of-hers', '👍'])
      expect(log).not.toContain(secret);
    const lines = linesOf(server);
    expect(lines).toContainEqual(
      expect.objectContaining({ message: 'message committed', msgId: sent?.msg_id, userId: 'alice', seq: 1 }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({ message: 'session opened', connection: expect.any(Number), userId: 'bob' }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({ message: 'operation answered', operation: 'send', outcome: 'ok', userId: 'alice' }),
    );
    expect(lines).toContainEqual(
      expect.objectContaining({ message: 'operation answered', operation: 'login', outcome: 'unauthorized' }),
    );
    await server.stop();
  });

  test('[O6] a change of the level reaches every process, and a gateway that starts after it', async () => {
    const server = await profile.start();
    const operator = await OperatorClient.connect(server.dataDir);
    await until(async () => (await operator.fetch('GET', '/readyz')).ok);
    const person = await Person.join(server.url, 'seen');
    /** Connects until the log shows it: a gateway learns of the level a moment after the core. */
    const isShown = async () => {
      const before = opened();
      await (await person.device('d')).close();

      return opened() > before;
    };
    const opened = () => linesOf(server).filter(({ message }) => message === 'session opened').length;
    expect(await isShown()).toBe(false);
    await operator.request('PUT', '/debug/log-level', { level: 'debug' });
    await until(isShown);
    const ready = () => linesOf(server).filter(({ message }) => message === 'gateway process is ready');
    const first = ready();
    for (const { pid } of first) process.kill(Number(pid), 'SIGKILL');
    await until(() => ready().length === 2 * first.length, { withinMs: 30_000 });
    await until(isShown);
    await operator.request('PUT', '/debug/log-level', { level: 'info' });
    await until(async () => !(await isShown()));
    await server.stop();
  });
});
