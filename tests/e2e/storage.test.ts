// IndexedDB in a real browser keeps the promises of every storage, and survives what browsers do to databases.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import type { StoredConversation } from '@hongyan/client/client-storage';
import { storageContract } from '@hongyan/client/testing/storage-contract';
import type { Page } from 'playwright-core';
import { openStage, type Stage } from './browser.ts';
import type { StoragePage } from './storage-page.ts';

const testMsMax = 60_000;

/** In the page; storage-page.ts puts it there. */
declare const storagePage: StoragePage;

describe('indexed db', () => {
  let stage: Stage;
  let page: Page;
  let count = 0;
  const newName = () => `storage-test-${count++}`;
  beforeAll(async () => {
    stage = await openStage('e2e-storage');
    page = await (await stage.context()).newPage();
    await page.goto(stage.server.url);
    await page.evaluate(await bundled());
  }, testMsMax);
  afterAll(() => stage.end());

  test.each(storageContract.map(({ title, expected }, index) => ({ title, expected, index })))(
    '$title',
    async ({ index, expected }) => {
      const found = await page.evaluate(([at, name]) => storagePage.runCase(at, name), [index, newName()] as const);
      expect(found).toEqual(expected);
    },
    testMsMax,
  );

  test('[C8] a database that the browser closed behind its back is opened again', async () => {
    expect(await page.evaluate((name) => storagePage.writeWhileClosed(name), newName())).toEqual([2]);
  });

  test('[C8] what version 3 kept is there after the upgrade, and messages can be kept beside it', async () => {
    const found = await page.evaluate((name) => storagePage.upgradeFrom(name, 3), newName());
    expect(found.meta.cursor).toBe('old');
    expect(found.conversations.map(({ conversationId }: StoredConversation) => String(conversationId))).toEqual([
      'g:1',
    ]);
    expect(found.messageCount).toBe(1);
  });

  test('what an older version kept is discarded', async () => {
    const found = await page.evaluate((name) => storagePage.upgradeFrom(name, 2), newName());
    expect(found.meta.cursor).toBeUndefined();
    expect(found.messageCount).toBe(1);
  });
});

async function bundled(): Promise<string> {
  const built = await Bun.build({
    entrypoints: [join(import.meta.dir, 'storage-page.ts')],
    target: 'browser',
    format: 'iife',
  });
  const [script] = built.outputs;
  if (!script) throw new Error('the bundler produced no file');
  return script.text();
}
