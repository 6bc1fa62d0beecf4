// The console when no answer comes: from a server that hangs, to a page that was just opened, and in a browser without a network.

import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { Page } from 'playwright-core';
import { type Operator, operatorOf } from '../operator.ts';
import { openStage, type Stage } from './browser.ts';
import { signedIn } from './operator-page.ts';

setDefaultTimeout(90_000);
/** A question is given up after ten seconds, and asked five seconds after the last answer. */
const noticedMsMax = 45_000;

describe('the console without an answer', () => {
  let stage: Stage;
  let operator: Operator;
  beforeAll(async () => {
    stage = await openStage('console-silence');
    operator = await operatorOf(stage.server.dataDir);
  });
  afterEach(() => stage.leave());
  afterAll(() => stage.end());

  const open = (...at: readonly string[]): Promise<Page> => signedIn({ stage, operator, at });
  const silence = (page: Page) => page.getByRole('alert').getByText('the server does not answer');

  test('[O30] a server that hangs is said, beside what it said last, until it goes on', async () => {
    const page = await open();
    await page.getByText('All is well').waitFor();
    process.kill(stage.server.pid, 'SIGSTOP');
    try {
      await page.getByText('The values are as of').waitFor({ timeout: noticedMsMax });
      expect(await page.getByText('All is well').count()).toBe(0);
      await page.getByRole('link', { name: 'Tiers' }).click();
      await silence(page).waitFor({ timeout: noticedMsMax });
    } finally {
      process.kill(stage.server.pid, 'SIGCONT');
    }
    await page.getByRole('row', { name: /^paid/ }).waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  test('[O1] a console that is opened meanwhile says so, and opens when there is an answer', async () => {
    const page = await open();
    await page.route('**/admin/v1/**', () => {}); // never answered
    await page.reload();
    await silence(page).waitFor({ timeout: noticedMsMax });
    await page.locator('input[name=token]').fill('half typed');
    // It asks again, and what stands there stays meanwhile.
    await page.waitForRequest('**/admin/v1/profiles');
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(done)));
    expect(await silence(page).count()).toBe(1);
    expect(await page.locator('input[name=token]').inputValue()).toBe('half typed');
    await page.unroute('**/admin/v1/**');
    await page.getByText('All is well').waitFor({ timeout: noticedMsMax });
  });

  test('a browser without a network shows nothing as new, and keeps no change for later', async () => {
    const page = await open();
    await page.getByText('All is well').waitFor();
    await page.context().setOffline(true);
    await page.getByText('The values are as of').waitFor({ timeout: noticedMsMax });
    await page.getByRole('link', { name: 'Notices' }).click();
    await page.getByLabel('Text').fill('Maintenance at eight');
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.locator('form').getByRole('alert').waitFor();
    await page.context().setOffline(false);
    await page.getByText('No notice is in force.').waitFor();
  });

  test('[O1] a late answer from before the sign-in does not end the session', async () => {
    const page = await (await stage.context()).newPage();
    await page.route('**/admin/v1/profiles', (route) => route.abort());
    await page.goto(operator.url);
    await silence(page).waitFor();
    await page.unroute('**/admin/v1/profiles');
    const late = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    await page.route('**/admin/v1/profiles', async (route) => {
      asked.resolve();
      await late.promise;
      await route.fulfill({ status: 401, json: { code: 'unauthorized', detail: 'too early' } }).catch(() => {}); // given up
    });
    await asked.promise;
    await page.locator('input[name=token]').fill(operator.token);
    await page.keyboard.press('Enter');
    await page.getByText('All is well').waitFor();
    late.resolve();
    await page.waitForResponse('**/admin/v1/overview');
    await page.waitForResponse('**/admin/v1/overview');
    expect(await page.locator('.navigation').count()).toBe(1);
  });
});
