// A page of the console that stays open, while time passes and the server changes beneath it.

import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { Page } from 'playwright-core';
import { type Operator, operatorOf } from '../operator.ts';
import { Registrar } from '../registrar.ts';
import { openStage, type Stage } from './browser.ts';
import { signedIn } from './operator-page.ts';

setDefaultTimeout(60_000);

describe('a console that stays open', () => {
  let stage: Stage;
  let operator: Operator;
  beforeAll(async () => {
    stage = await openStage('console-left-open', ['--webhook-private-addresses']);
    operator = await operatorOf(stage.server.dataDir);
  });
  afterEach(() => stage.leave());
  afterAll(() => stage.end());

  const open = (...at: readonly string[]): Promise<Page> => signedIn({ stage, operator, at });
  const post = (path: string, body: object) => operator.fetch(path, { method: 'POST', body: JSON.stringify(body) });

  test('what happened a moment ago happened twenty minutes ago, twenty minutes later', async () => {
    await post('/admin/v1/keys', { name: 'aging', scopes: ['users:manage'] });
    const page = await open('keys');
    await page.clock.install();
    await page.reload();
    const created = page.getByRole('row', { name: /aging/ }).locator('time');
    await created.waitFor();
    await page.clock.fastForward('20:00');
    await created.filter({ hasText: '20 minutes ago' }).waitFor();
  });

  test('a clock follows the device to another time zone', async () => {
    const published = await post('/admin/v1/notices', { text: 'tonight', severity: 'info', for_s: 3_600 });
    const { until } = (await published.json()) as { readonly until: number };
    const page = await open();
    const devtools = await page.context().newCDPSession(page);
    const isIn = async (timezoneId: string) => {
      await devtools.send('Emulation.setTimezoneOverride', { timezoneId });
      const time = new Intl.DateTimeFormat('en', { timeStyle: 'medium', hourCycle: 'h23', timeZone: timezoneId });
      await page
        .getByRole('row', { name: /^tonight/ })
        .getByText(time.format(until))
        .waitFor();
    };
    await page.getByRole('link', { name: 'Notices' }).click();
    await isIn('Europe/London');
    await isIn('Asia/Kolkata');
  });

  test('[T13] a device that is registered after it was looked for is found', async () => {
    const page = await open('devices');
    await page.getByLabel('Device token').fill('registered-later');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('there is no such device').waitFor();
    const registrar = await Registrar.create({ url: stage.server.url, dataDir: stage.server.dataDir });
    await registrar.post('register/batch', {
      devices: [{ device_token: 'registered-later', model: 'P1', firmware: '1.0' }],
    });
    await page.getByRole('row', { name: /^registered-later P1/ }).waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  test('[O14] a profile is asked of the process that is shown, also when the chosen one has left', async () => {
    const page = await open();
    let processes = ['core', 'gateway-1'];
    const asked: unknown[] = [];
    await page.route('**/admin/v1/profiles', async (route) => {
      if (route.request().method() === 'GET') return route.fulfill({ json: { profiles: [], processes } });
      asked.push(route.request().postDataJSON());
      return route.fulfill({ status: 503, json: { code: 'unavailable', detail: 'not now' } });
    });
    await page.getByRole('link', { name: 'Profiles' }).click();
    await page.getByLabel('Process').selectOption('gateway-1');
    processes = ['core', 'gateway-2'];
    await page.locator('option', { hasText: 'gateway-2' }).waitFor({ state: 'attached' });
    const shown = await page.getByLabel('Process').inputValue();
    await page.getByRole('button', { name: 'Take a profile' }).click();
    await page.getByRole('alert').getByText('not now').waitFor();
    expect(asked).toEqual([{ process: shown, seconds: 10 }]);
  });

  test('[W1] a webhook that is removed at last does not take the operator away from another page', async () => {
    const { id } = (await (await post('/admin/v1/webhooks', { url: 'http://127.0.0.1:9/' })).json()) as {
      readonly id: string;
    };
    const page = await open('webhooks', id);
    const removed = Promise.withResolvers<void>();
    await page.route(`**/admin/v1/webhooks/${id}`, async (route) => {
      if (route.request().method() === 'DELETE') await removed.promise;
      await route.continue();
    });
    await page.getByRole('button', { name: 'Remove this webhook' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('link', { name: 'Notices' }).click();
    await page.getByLabel('Text').fill('half written');
    const answer = page.waitForResponse((response) => response.request().method() === 'DELETE');
    removed.resolve();
    await (await answer).finished();
    await page.waitForResponse('**/admin/v1/notices');
    expect(await page.getByLabel('Text').inputValue()).toBe('half written');
  });
});
