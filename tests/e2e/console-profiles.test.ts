// An operator at the profiles of the console: taking one, reading its flame graph by mouse and keyboard, opening a file.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import type { Page } from 'playwright-core';
import { type Operator, operatorOf } from '../operator.ts';
import { openStage, type Stage } from './browser.ts';
import { signedIn } from './operator-page.ts';

const testMsMax = 90_000;

describe('profiles in the console', () => {
  let stage: Stage;
  let operator: Operator;
  beforeAll(async () => {
    stage = await openStage('console-profiles');
    operator = await operatorOf(stage.server.dataDir);
  }, testMsMax);
  afterEach(() => stage.leave());
  afterAll(() => stage.end());

  const atProfiles = (): Promise<Page> => signedIn({ stage, operator, at: ['profiles'] });

  async function takenProfile(page: Page): Promise<void> {
    await page.getByLabel('Seconds').fill('1');
    await page.getByRole('button', { name: 'Take a profile' }).click();
    // A server that has nothing to do has no samples.
    let isShown = false;
    const shown = page
      .locator('.flame-box')
      .first()
      .waitFor()
      .finally(() => {
        isShown = true;
      });
    while (!isShown) await (await operator.fetch('/metrics')).text();
    await shown;
  }

  test(
    '[O15] a profile is taken and its flame graph is walked, zoomed and searched from the keyboard',
    async () => {
      const page = await atProfiles();
      await takenProfile(page);
      // The flame graph names the function that the record of the kept profile has as its largest.
      const { profiles } = await (await operator.fetch('/admin/v1/profiles')).json();
      const largest = String(profiles[0].top[0].name);
      expect(await page.locator('.flame-box').getByText(largest, { exact: true }).count()).toBeGreaterThan(0);
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
      const page = await atProfiles();
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
    '[O15] a second file is drawn in place of the first, and a file that was changed is opened again',
    async () => {
      const page = await atProfiles();
      const open = (name: string, text: string) =>
        page
          .locator('input[type=file]')
          .setInputFiles({ name, mimeType: 'application/json', buffer: Buffer.from(text) });
      const hottest = page.locator('.flame .table tbody tr').first();
      await open('one.cpuprofile', cpuProfileOf('alpha'));
      await page.locator('.flame-box', { hasText: 'alpha' }).waitFor();
      await open('two.cpuprofile', cpuProfileOf('beta'));
      await hottest.getByText('beta').waitFor();
      await page.locator('.flame-box', { hasText: 'beta' }).waitFor();
      expect(await page.locator('.flame-box', { hasText: 'alpha' }).count()).toBe(0);
      // The browser tells of a file only when it differs from what the field holds.
      expect(await page.locator('input[type=file]').inputValue()).toBe('');
    },
    testMsMax,
  );
});

/** One function that ran, at no particular time. */
const cpuProfileOf = (functionName: string): string => {
  const place = { scriptId: '0', url: '', lineNumber: -1, columnNumber: -1 };
  const nodes = [
    { id: 1, callFrame: { ...place, functionName: '(root)' }, children: [2] },
    { id: 2, callFrame: { ...place, functionName, url: 'a.js' } },
  ];
  return JSON.stringify({ nodes, startTime: 0, endTime: 1_000, samples: [2, 2], timeDeltas: [500, 500] });
};
