// What is written in the web chat stays there until it is sent, once, and nothing is sent that nobody could see.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import type { UserId } from '@hongyan/client';
import type { Page } from 'playwright-core';
import { openStage, type Stage } from './browser.ts';
import { Person } from './person.ts';

const testMsMax = 60_000;

describe('writing in the web chat', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage('e2e-writing');
  }, testMsMax);
  afterEach(() => stage.leave());
  afterAll(() => stage.end());

  const someone = async (userId: string) => Person.signUp(await stage.context(), stage.server.url, userId);

  test(
    'a file or a link that is dropped leaves the page as it is, and the page says that files cannot be sent',
    async () => {
      const ann = await someone('ann');
      const { page } = ann;
      await ann.startChat('ann');
      const text = page.locator('.composer textarea');
      await text.fill('half written');
      const there = page.url();
      const refused = page.getByRole('status').getByText('Files cannot be sent here.');

      await drop(page, '.messages', { items: [{ mimeType: 'text/uri-list', data: 'about:blank' }] });
      await drop(page, '.messages', { files: [join(import.meta.dir, 'person.ts')] });
      await refused.waitFor();
      await page.getByRole('button', { name: 'Dismiss' }).click();
      await drop(page, '.composer textarea', { files: [join(import.meta.dir, 'person.ts')] });
      await refused.waitFor();
      await page.getByRole('button', { name: 'Dismiss' }).click();
      await text.evaluate((area) => {
        const clipboardData = new DataTransfer();
        clipboardData.items.add(new File(['x'], 'picture.png', { type: 'image/png' }));
        area.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
      });
      await refused.waitFor();
      expect(page.url()).toBe(there);
      expect(await text.inputValue()).toBe('half written');

      // Words that are dragged are no file.
      await drop(page, '.composer textarea', { items: [{ mimeType: 'text/plain', data: 'dropped words' }] });
      await ann.until(
        () => text.inputValue(),
        (value) => value.includes('dropped words') && value.includes('half written'),
        'the words in the composer',
      );
    },
    testMsMax,
  );

  test(
    'a text in which nothing can be seen is not sent, nor saved over one that was',
    async () => {
      const ben = await someone('ben');
      const { page } = ben;
      await ben.startChat('ben');
      await ben.write('seen');
      await ben.sees('seen', 'ack');
      await ben.write('\u200b\u2060\u202e\u3164');
      expect(await page.locator('.send').isEnabled()).toBe(false);
      await page.locator('.composer textarea').fill('');
      await ben.choose('seen', 'Edit');
      await ben.write('\u2800');
      expect(await page.locator('.send').isEnabled()).toBe(false);
      await page.keyboard.press('Escape');
      await ben.write('after');
      await ben.sees('after', 'ack');
      expect(await ben.shownTexts()).toEqual(['seen', 'after']);
    },
    testMsMax,
  );

  test(
    'a dialog stays when text is selected with the mouse beyond its edge; a click beside it closes it',
    async () => {
      const { page } = await someone('cid');
      await page.locator('.sidebar-head').getByRole('button', { name: 'New group' }).click();
      const title = page.locator('dialog input[name=title]');
      await title.fill('A title that is long to type');
      const box = await title.boundingBox();
      if (!box) throw new Error('the field is on the screen');
      await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
      await page.mouse.down();
      await page.mouse.move(20, box.y + box.height / 2, { steps: 4 });
      await page.mouse.up();
      expect(await title.inputValue()).toBe('A title that is long to type');
      await page.mouse.click(20, 20);
      await page.locator('dialog').waitFor({ state: 'detached' });
    },
    testMsMax,
  );

  test(
    'a group is made once, however often the button is pressed while the server is slow',
    async () => {
      // A service worker would ask past the route.
      const context = await stage.context({ serviceWorkers: 'block' });
      const { page } = await Person.signUp(context, stage.server.url, 'dan');
      let asked = 0;
      await page.route('**/v1/conversations', (route) => {
        asked++;
        setTimeout(() => void route.continue(), 300);
      });
      await page.locator('.sidebar-head').getByRole('button', { name: 'New group' }).click();
      await page.locator('dialog input[name=title]').fill('Once');
      await page.keyboard.press('Enter');
      await page.keyboard.press('Enter');
      await page.locator('.pane').waitFor();
      expect(asked).toBe(1);
    },
    testMsMax,
  );

  test(
    'a key that an input method takes, as Safari reports it, picks no mention and closes nothing',
    async () => {
      const eve = await someone('eve');
      const { page } = eve;
      const fay = await stage.client('fay');
      await fay.createGroup({ title: 'Composing', members: ['eve' as UserId] });
      await eve.open('Composing');
      const text = page.locator('.composer textarea');
      await text.pressSequentially('@fa');
      await page.getByRole('option').waitFor();
      for (const key of ['Enter', 'Escape'])
        await text.evaluate((area, name) => {
          area.dispatchEvent(
            new KeyboardEvent('keydown', { key: name, keyCode: 229, bubbles: true, cancelable: true }),
          );
        }, key);
      expect(await text.inputValue()).toBe('@fa');
      await page.keyboard.press('Enter');
      expect(await text.inputValue()).toBe('@fay ');
    },
    testMsMax,
  );

  test(
    'a message is copied by its menu where the page is served without TLS, and the focus stays on it',
    async () => {
      const context = await stage.context();
      await context.addInitScript(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
      const gus = await Person.signUp(context, stage.server.url, 'gus');
      const { page } = gus;
      await gus.startChat('gus');
      await gus.write('copy me');
      await gus.sees('copy me', 'ack');
      await page.keyboard.press('Shift+Tab');
      await page.keyboard.press('ArrowUp');
      await page.keyboard.press('Enter');
      await page.getByRole('menuitem', { name: 'Copy text' }).click();
      await page.getByRole('menu').waitFor({ state: 'detached' });
      expect(await page.evaluate(() => document.activeElement?.role)).toBe('article');
      await page.locator('.composer textarea').focus();
      await page.keyboard.press('Control+V');
      expect(await page.locator('.composer textarea').inputValue()).toBe('copy me');
    },
    testMsMax,
  );

  test(
    'the list stays at its newest message while a text of many lines is written; a long message is folded until it is opened',
    async () => {
      const hal = await someone('hal');
      const { page } = hal;
      await hal.startChat('hal');
      const client = await stage.client('hal');
      for (let index = 1; index <= 40; index++) await client.send({ to: 'hal' as UserId }, text(`line ${index}`));
      await hal.sees('line 40');
      const area = page.locator('.composer textarea');
      await area.focus();
      for (let line = 1; line <= 9; line++) {
        await page.keyboard.type(`row ${line}`);
        await page.keyboard.press('Shift+Enter');
        await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
      }
      await client.send({ to: 'hal' as UserId }, text('the newest'));
      await hal.bubble('the newest').waitFor();
      expect(await page.locator('.jump').count()).toBe(0);
      expect(await hal.lastShownSeq()).toBe(41);

      await area.fill('');
      await client.send({ to: 'hal' as UserId }, text('words '.repeat(830)));
      const fold = page.getByRole('button', { name: 'Show more' });
      await fold.waitFor();
      const bubble = page.locator('.bubble', { hasText: 'words words' });
      expect((await bubble.boundingBox())?.height).toBeLessThan(480);
      await fold.click();
      await fold.waitFor({ state: 'detached' });
      expect((await bubble.boundingBox())?.height).toBeGreaterThan(900);
    },
    testMsMax,
  );

  test(
    'a message that waits for the connection has its conversation on top of the list',
    async () => {
      const ivy = await someone('ivy');
      const { page } = ivy;
      const client = await stage.client('ivy');
      await client.createGroup({ title: 'Older', members: [] });
      await client.createGroup({ title: 'Newer', members: [] });
      await ivy.open('Older');
      const titles = () => page.locator('.conversation-title').allInnerTexts();
      expect(await titles()).toEqual(['Newer', 'Older']);
      await page.context().setOffline(true);
      await ivy.write('written offline');
      await ivy.sees('written offline', 'queued');
      await ivy.until(titles, ([first]) => first === 'Older', 'the conversation on top');
      expect(await page.locator('.conversation', { hasText: 'Older' }).innerText()).toContain('written offline');
      await page.context().setOffline(false);
    },
    testMsMax,
  );
});

const text = (words: string) => ({ type: 'text', text: words });

/** As the browser is told by the system: its own default, which is to leave the page, happens too. */
async function drop(
  page: Page,
  selector: string,
  { items = [], files = [] }: { readonly items?: readonly DragItem[]; readonly files?: readonly string[] },
): Promise<void> {
  const box = await page.locator(selector).boundingBox();
  if (!box) throw new Error(`${selector} is on the screen`);
  const session = await page.context().newCDPSession(page);
  const at = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  const data = { items: items.map((item) => ({ ...item })), files: [...files], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await session.send('Input.dispatchDragEvent', { type, ...at, data });
  await session.detach();
}

interface DragItem {
  readonly mimeType: string;
  readonly data: string;
}
