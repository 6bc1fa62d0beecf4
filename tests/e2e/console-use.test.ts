// How the console behaves in an operator's hands: by the keyboard, beside other work, and when something is in the way.

import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '@hongyan/testing/until';
import type { Page } from 'playwright-core';
import { type Operator, operatorOf } from '../operator.ts';
import { Registrar } from '../registrar.ts';
import { openStage, type Stage } from './browser.ts';
import { hashOf, signedIn } from './operator-page.ts';

setDefaultTimeout(60_000);

describe('using the console', () => {
  let stage: Stage;
  let operator: Operator;
  beforeAll(async () => {
    stage = await openStage('console-use');
    operator = await operatorOf(stage.server.dataDir);
  });
  afterEach(() => stage.leave());
  afterAll(() => stage.end());

  const open = (...at: readonly string[]): Promise<Page> => signedIn({ stage, operator, at });
  const focused = (page: Page) => page.evaluate(() => document.activeElement?.tagName);

  test('a page that is opened is named in the title, and the keyboard begins at its beginning', async () => {
    await stage.client('ann');
    const page = await open('users');
    await page.getByRole('link', { name: 'ann' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'ann' }).waitFor();
    expect(await page.title()).toBe('ann – Users – Hongyan console');
    expect(await focused(page)).toBe('MAIN');
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('All users');
  });

  test('[O31] a tier is chosen by arrow keys, and set by the button alone', async () => {
    await stage.client('ann');
    const page = await open('users', 'ann');
    const requests: unknown[] = [];
    page.on('request', (request) => void (request.method() === 'PUT' && requests.push(request.postDataJSON())));
    const choice = page.getByLabel('Tier');
    await page.waitForFunction(() => document.querySelectorAll('select option').length > 2);
    await choice.focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    expect(await choice.inputValue()).toBe('free');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await until(async () =>
      (await operator.fetch('/admin/v1/users/ann/tier')).json().then(({ tier }) => tier === 'free'),
    );
    expect(requests).toEqual([{ tier: 'free' }]);
    expect(await focused(page)).toBe('BUTTON');
  });

  test('the focus stays on the page when the row that was acted on goes away', async () => {
    const page = await open('keys');
    await createKey(page, 'short-lived');
    await page.getByRole('button', { name: 'Revoke short-lived' }).focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByText('No API keys yet.').waitFor();
    expect(await focused(page)).toBe('MAIN');
  });

  test('[A20] a second key is not called copied until it is, also where the page has no clipboard', async () => {
    const page = await open('keys');
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await createKey(page, 'first');
    await page.getByRole('button', { name: 'Copy' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    await createKey(page, 'second');
    await page.getByRole('button', { name: 'Copy' }).waitFor();
    // As in a page that is served without TLS from another machine.
    await page.addInitScript(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
    await page.reload();
    await createKey(page, 'third');
    await page.getByRole('button', { name: 'Copy' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    await page.getByLabel('Name').focus();
    await page.keyboard.press('Control+V');
    expect(await page.getByLabel('Name').inputValue()).toBe((await page.locator('.once output').textContent()) ?? '');
  });

  test('a profile that is done does not take the operator away from another page', async () => {
    const page = await open('profiles');
    await page.getByLabel('Seconds').fill('1');
    await page.getByRole('button', { name: 'Take a profile' }).click();
    await page.getByRole('link', { name: 'Notices' }).click();
    await page.getByLabel('Text').fill('half written');
    const kept = async () => (await (await operator.fetch('/admin/v1/profiles')).json()).profiles.length;
    const asked = page.waitForResponse((response) => response.request().method() === 'POST');
    await until(async () => (await kept()) > 0, { withinMs: 30_000 });
    await (await asked).finished();
    expect(await page.getByLabel('Text').inputValue()).toBe('half written');
  });

  test('[O34] the back button keeps the search for a user among the sessions', async () => {
    await Promise.all([stage.client('ann'), stage.client('bob')]);
    const page = await open('sessions');
    await page.getByRole('link', { name: 'bob' }).waitFor();
    await page.getByLabel('User id').fill('ann');
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'bob' }).waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'ann' }).click();
    await page.getByRole('heading', { name: 'ann' }).waitFor();
    await page.goBack();
    await page.getByRole('link', { name: 'ann' }).waitFor();
    expect(await page.getByLabel('User id').inputValue()).toBe('ann');
    expect(await page.getByRole('link', { name: 'bob' }).count()).toBe(0);
  });

  test('a sign-out that did not reach the server is said', async () => {
    const page = await open('tiers');
    await page.route('**/admin/v1/session', (route) => route.abort());
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('alert').getByText('the server does not answer').waitFor();
  });

  test('[O1] a session that has ended is said where the token is asked for again', async () => {
    const page = await open('notices');
    await page.getByLabel('Text').fill('too late');
    await page.context().clearCookies();
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.getByText('The session has ended.').waitFor();
    await page.locator('input[name=token]').fill(operator.token);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.locator('input[name=token]').waitFor();
    expect(await page.getByText('The session has ended.').count()).toBe(0);
  });

  test('what another server answers in place of this one is told by its status, or as no answer of this one', async () => {
    const page = await open('tiers');
    const html = { contentType: 'text/html', body: '<html>a page of a proxy</html>' };
    await page.route('**/admin/v1/configuration', (route) => route.fulfill({ status: 403, ...html }));
    await page.getByRole('link', { name: 'Configuration' }).click();
    await page.getByRole('alert').getByText('HTTP 403').waitFor();
    await page.route('**/admin/v1/notices', (route) => route.fulfill({ status: 200, ...html }));
    await page.getByRole('link', { name: 'Notices' }).click();
    await page.getByRole('alert').getByText('not from this server').waitFor();
  });

  test('[W1] a webhook that is not there is said once', async () => {
    const page = await open('webhooks', 'wh_none');
    await page.getByRole('alert').getByText('there is no webhook endpoint wh_none').waitFor();
    expect(await page.getByRole('alert').count()).toBe(1);
  });

  test('a long word of a notice or of a key leaves the buttons of its row in sight', async () => {
    const body = JSON.stringify({ text: 'https://status.example.org/'.padEnd(600, 'x'), severity: 'info', for_s: 600 });
    await operator.fetch('/admin/v1/notices', { method: 'POST', body });
    const page = await open('notices');
    const isInSight = (name: string) =>
      page
        .getByRole('button', { name })
        .evaluate(
          (button) =>
            Math.max(button.getBoundingClientRect().right, document.documentElement.scrollWidth) <= innerWidth,
        );
    await page.getByRole('button', { name: /^Withdraw/ }).waitFor();
    expect(await isInSight('Withdraw')).toBe(true);
    await page.getByRole('link', { name: 'API keys' }).click();
    await createKey(page, 'k'.repeat(100));
    expect(await isInSight('Revoke kkk')).toBe(true);
    // What went wrong stands in the row too.
    const detail = 'the directory is not available now: '.repeat(6);
    await page.route('**/admin/v1/keys/*', (route) => route.fulfill({ status: 503, json: { detail } }));
    await page.getByRole('button', { name: 'Revoke kkk' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('alert').waitFor();
    expect(await isInSight('Revoke kkk')).toBe(true);
  });

  test('what is typed while the server is still at work is not wiped by its answer', async () => {
    const page = await open('notices');
    const goOn = await held(page, '**/admin/v1/notices', 'POST');
    await page.getByLabel('Text').fill('the first');
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.getByLabel('Text').fill('the second');
    goOn();
    await page.getByRole('row', { name: /^the first/ }).waitFor();
    expect(await page.getByLabel('Text').inputValue()).toBe('the second');

    const added = await operator.fetch('/admin/v1/webhooks', {
      method: 'POST',
      body: JSON.stringify({ url: 'https://hooks.example.org/' }),
    });
    const { id } = (await added.json()) as { readonly id: string };
    const goOnToo = await held(page, `**/admin/v1/webhooks/${id}`, 'PATCH');
    await page.goto(operator.url + hashOf(['webhooks', id]));
    await page.getByLabel('message.created').check();
    await page.getByRole('button', { name: 'Save events' }).click();
    await page.getByLabel('message.recalled').check();
    goOnToo();
    await page.locator('.facts').getByText('message.created', { exact: true }).waitFor();
    await page.locator('button:enabled', { hasText: 'Save events' }).waitFor();
    expect(await page.getByLabel('message.recalled').isChecked()).toBe(true);
    // Beside the first hundred, which the table shows.
    await page.locator('.facts').getByText('Dead letters').waitFor();
  });

  test('[T13] more kinds of devices than are shown are said, and a long name leaves a phone its width', async () => {
    const registrar = await Registrar.create({ url: stage.server.url, dataDir: stage.server.dataDir });
    const model = 'M'.repeat(64);
    const devices = Array.from({ length: 501 }, (_, at) => ({
      ...{ device_token: `of-many-kinds-${at}`, model, firmware: String(at) },
    }));
    for (let at = 0; at < devices.length; at += 100)
      await registrar.post('register/batch', { devices: devices.slice(at, at + 100) });
    const page = await signedIn({ stage, operator, at: ['devices'] }, { viewport: { width: 360, height: 640 } });
    await page.getByText('The 500 with the most devices.').waitFor();
    await page.getByRole('link', { name: model }).first().click();
    await page.getByRole('heading', { name: model }).waitFor();
    expect(await page.locator('main').evaluate((main) => main.scrollWidth > main.clientWidth)).toBe(false);
  });

  test('[B1] the name of a button has whole characters of a notice', async () => {
    const text = `${'通知'.repeat(29)}!😀 ends here`;
    await operator.fetch('/admin/v1/notices', {
      method: 'POST',
      body: JSON.stringify({ text, severity: 'info', for_s: 600 }),
    });
    const page = await open('notices');
    const name = await page.getByRole('button', { name: /^Withdraw 通知/ }).getAttribute('aria-label');
    expect(name).toEndWith('!😀');
  });
});

/** Requests of this method wait until what is returned is called. */
async function held(page: Page, url: string, method: string): Promise<() => void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  await page.route(url, async (route) => {
    if (route.request().method() === method) await promise;
    await route.continue();
  });
  return resolve;
}

async function createKey(page: Page, name: string): Promise<void> {
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('users:manage').check();
  await page.getByRole('button', { name: 'Create a key' }).click();
  // Rows tell seconds too: of the key that is named so.
  await page.getByRole('row', { name: new RegExp(`^${name}`) }).waitFor();
}
