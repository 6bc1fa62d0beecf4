// An operator at the console: signing in by the token, taking a profile, reading its flame graph by mouse and keyboard.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import type { Page } from 'playwright-core';
import { type Operator, operatorOf } from '../operator.ts';
import { openStage, type Stage } from './browser.ts';

const testMsMax = 90_000;

describe('the console', () => {
  let stage: Stage;
  let operator: Operator;
  beforeAll(async () => {
    stage = await openStage('console');
    operator = await operatorOf(stage.server.dataDir);
  }, testMsMax);
  afterEach(() => stage.leave());
  afterAll(() => stage.end());

  async function signedIn(options: Parameters<Stage['context']>[0] = {}): Promise<Page> {
    const page = await (await stage.context(options)).newPage();
    await page.goto(operator.url);
    await page.locator('input[name=token]').fill(operator.token);
    await page.keyboard.press('Enter');
    await page.locator('.navigation').waitFor();
    return page;
  }

  async function takenProfile(page: Page): Promise<void> {
    await page.getByLabel('Seconds').fill('1');
    await page.getByRole('button', { name: 'Take a profile' }).click();
    await page.locator('.flame-box').first().waitFor();
  }

  test(
    '[O1] the token opens a session that no script reads; it ends with the sign-out',
    async () => {
      const context = await stage.context();
      const page = await context.newPage();
      await page.goto(operator.url);
      await page.locator('input[name=token]').fill('wrong');
      await page.keyboard.press('Enter');
      await page.getByText('This is not the token of this server.').waitFor();
      await page.locator('input[name=token]').fill(operator.token);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Profiles' }).waitFor();
      expect(await context.cookies()).toMatchObject([{ httpOnly: true, sameSite: 'Strict' }]);
      await page.reload();
      await page.getByRole('heading', { name: 'Profiles' }).waitFor();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.locator('input[name=token]').waitFor();
      await page.reload();
      await page.locator('input[name=token]').waitFor();
    },
    testMsMax,
  );

  test(
    '[O15] a profile is taken and its flame graph is walked, zoomed and searched from the keyboard',
    async () => {
      const page = await signedIn();
      await takenProfile(page);
      await page.locator('.flame-box').first().focus();
      await page.keyboard.press('ArrowDown');
      const focused = () => page.evaluate(() => document.activeElement?.textContent);
      expect(['main', 'timeline', 'directory', 'access', 'tasks']).toContain((await focused()) ?? '');
      await page.keyboard.press('ArrowDown');
      const name = await focused();
      await page.keyboard.press('Enter');
      await page.getByRole('button', { name: 'Whole profile' }).waitFor();
      expect(await page.locator('.flame-box:not([data-above])').first().textContent()).toBe(name ?? '');
      await page.keyboard.press('Escape');
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'Whole profile' }).waitFor({ state: 'detached' });
      await page.locator('.flame-box').first().focus();
      await page.keyboard.press('/');
      await page.keyboard.type(name ?? '');
      await page.locator('.flame-box[data-found]').first().waitFor();
      expect(await page.locator('output').textContent()).toMatch(/^\d+\.\d % match$/);
      expect(await page.locator('.flame .table tbody tr').count()).toBeGreaterThan(0);
      await page.getByText('Heap', { exact: true }).click();
      await page.locator('.flame-box', { hasText: '(string)' }).first().waitFor();
      await page.getByRole('link', { name: 'All profiles' }).click();
      await page.getByText('by hand').first().waitFor();
    },
    testMsMax,
  );

  test(
    '[O15] a .cpuprofile of this computer opens, and what is no profile is said',
    async () => {
      const page = await signedIn();
      const [file] = await Promise.all([
        operator.fetch('/debug/pprof/profile?seconds=1&format=cpuprofile'),
        ...Array.from({ length: 50 }, () => operator.fetch('/metrics')),
      ]);
      const buffer = Buffer.from(await file.arrayBuffer());
      const input = page.locator('input[type=file]');
      await input.setInputFiles({ name: 'x.pb.gz', mimeType: 'application/gzip', buffer: Buffer.from('no profile') });
      await page.getByText('This is neither a pprof profile').waitFor();
      await input.setInputFiles({ name: 'x.cpuprofile', mimeType: 'application/json', buffer });
      await page.locator('.flame').waitFor();
    },
    testMsMax,
  );

  test(
    'the console speaks Chinese, is dark where the system is, and fits a phone',
    async () => {
      const page = await signedIn({ locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 390, height: 800 } });
      await page.getByRole('heading', { name: '性能剖析' }).waitFor();
      expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe('rgb(18, 23, 26)');
      expect(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)).toBe(false);
      await page.getByText('English').click();
      await page.getByRole('heading', { name: 'Profiles' }).waitFor();
      await page.reload();
      await page.getByRole('heading', { name: 'Profiles' }).waitFor();
    },
    testMsMax,
  );
});
