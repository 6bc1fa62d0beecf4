// The check before sending (before-send-url) as its senders and its operators see it: while it answers, and while it does not.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { call, signUp } from '@hongyan/testing/http-client';
import { WebhookReceiver } from '@hongyan/testing/webhook-receiver';
import { operatorOf } from '../operator.ts';
import { Scrape } from '../scrape.ts';
import { killServers, removeDataFolders, type ServerProcess } from '../server-process.ts';
import { profiles } from './profiles.ts';

describe.each(profiles)('the check before sending on $name', (profile) => {
  const checker = new WebhookReceiver(() => Response.json({ action: 'allow' }));
  let server: ServerProcess;

  beforeAll(async () => {
    server = await profile.start({ HONGYAN_BEFORE_SEND_URL: checker.url });
  });
  afterAll(async () => {
    await killServers();
    await checker.stop();
    await removeDataFolders();
  });

  const readiness = async (): Promise<string> =>
    (await fetch(`${(await operatorOf(server.dataDir)).url}/readyz?always=200`)).text();

  test('[W11][O3][O4] operators see that it gives no verdict, and why', async () => {
    const { token } = await signUp(server.url, 'ann');
    const send = async (key: string) => {
      const body = { to: 'ann', client_msg_id: key, content: { type: 'text', text: 'x' } };
      return (await call(server.url, '/v1/messages', { token, method: 'POST', body })).status;
    };
    const verdicts = async (verdict: string) =>
      (await Scrape.of(server)).sum('hongyan_before_send_total', `verdict="${verdict}"`);
    expect(await send('k1')).toBe(201);
    expect(await readiness()).not.toContain('gives no verdict');
    checker.answering = () => Response.json({ action: 'refuse' });
    expect(await send('k2')).toBe(403);
    checker.answering = () => 500;
    expect(await send('k3')).toBe(503);
    const answer = await readiness();
    expect(answer).toContain('"status":"ready"');
    expect(answer).toContain('before-send');
    expect(answer).toContain('before-send-url gives no verdict, and messages are refused: HTTP 500');
    expect([await verdicts('allow'), await verdicts('refuse'), await verdicts('none')]).toEqual([1, 1, 1]);
    expect((await Scrape.of(server)).sum('hongyan_before_send_seconds_count')).toBe(3);
  }, 60_000);
});
