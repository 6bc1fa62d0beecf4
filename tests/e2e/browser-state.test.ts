// The page and its browser: a full storage, other tabs, odd addresses, midnight, a path of a shared host, foreign pages in between.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { openStage, type Stage } from './browser.ts';
import { openFront } from './front.ts';
import { Person } from './person.ts';

const testMsMax = 60_000;

describe('the web chat in its browser', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage('e2e-browser-state');
  }, testMsMax);
  afterEach(() => stage.leave());
  afterAll(() => stage.end());

  test(
    'a message is sent although the storage of the browser is full',
    async () => {
      await stage.client('ann');
      const ann = await Person.signIn(await stage.context(), stage.server.url, 'ann');
      await ann.startChat('ann');
      const errors: string[] = [];
      ann.page.on('pageerror', (error) => errors.push(String(error)));
      await ann.page.evaluate(() => {
        for (let size = 1 << 20, n = 0; size > 0; n++) {
          try {
            localStorage.setItem(`other-${n}`, 'x'.repeat(size));
          } catch {
            size >>= 1; // full for this size
          }
        }
      });
      await ann.write('important words');
      await ann.sees('important words', 'ack');
      expect(await ann.page.locator('.composer textarea').inputValue()).toBe('');
      expect(errors).toEqual([]);
    },
    testMsMax,
  );

  test(
    'signing out in one tab signs out the others, and so does another user who signs in',
    async () => {
      await Promise.all([stage.client('ben'), stage.client('cleo')]);
      const context = await stage.context();
      const first = await Person.signIn(context, stage.server.url, 'ben');
      await first.startChat('ben');
      await first.write('private');
      await first.sees('private');
      const second = new Person(await context.newPage(), 'ben');
      await second.page.goto(first.page.url());
      await second.sees('private');
      await second.signOut();
      await first.page.locator('input[name=username]').waitFor();
      expect(await first.page.locator('.message').count()).toBe(0);

      await Person.signIn(context, stage.server.url, 'cleo');
      await first.page.locator('.self-name', { hasText: 'cleo' }).waitFor();
    },
    testMsMax,
  );

  test.each(['#d:alice:bob%', '#%E0%A4%A', '#100%'])(
    'the address %s opens the page',
    async (hash) => {
      const page = await (await stage.context()).newPage();
      await page.goto(`${stage.server.url}/${hash}`);
      await page.locator('input[name=username]').waitFor();
    },
    testMsMax,
  );

  test(
    'a link to a conversation that is not there says so and leaves the list',
    async () => {
      await stage.client('dora');
      const dora = await Person.signIn(await stage.context(), stage.server.url, 'dora');
      await dora.page.evaluate(() => {
        location.hash = 'g:doesnotexist';
      });
      await dora.page.getByText('This conversation does not exist').waitFor();
      expect(new URL(dora.page.url()).hash).toBe('');
      await dora.page.getByRole('button', { name: 'Dismiss' }).click();
      await dora.page.locator('.notice-banner').waitFor({ state: 'detached' });
    },
    testMsMax,
  );

  test(
    'a failure while drawing leaves a page with a way on',
    async () => {
      const page = await (await stage.context()).newPage();
      await page.addInitScript(() => {
        if (location.hash !== '#broken') return;
        Object.defineProperty(Navigator.prototype, 'language', { get: () => undefined });
      });
      await page.goto(`${stage.server.url}/#broken`);
      await page.getByRole('heading', { name: 'Something went wrong' }).waitFor();
      await page.getByRole('button', { name: 'Reload' }).click();
      await page.locator('input[name=username]').waitFor();
    },
    testMsMax,
  );

  test(
    'a dialog stays in view when the window becomes narrow beside an open conversation',
    async () => {
      await stage.client('lea');
      const context = await stage.context({ viewport: { width: 844, height: 390 } });
      const lea = await Person.signIn(context, stage.server.url, 'lea');
      await lea.startChat('lea');
      for (const name of ['Settings', 'New group', 'New chat']) {
        await lea.page.locator('.sidebar-head').getByRole('button', { name }).click();
        const dialog = lea.page.getByRole('dialog', { name });
        await dialog.waitFor();
        await lea.page.setViewportSize({ width: 390, height: 844 });
        await lea.page.locator('.back').waitFor({ state: 'visible' });
        expect(await dialog.isVisible()).toBe(true);
        await lea.page.keyboard.press('Escape');
        await dialog.waitFor({ state: 'detached' });
        await lea.page.locator('.composer textarea').click();
        await lea.page.setViewportSize({ width: 844, height: 390 });
      }
    },
    testMsMax,
  );

  test.each(['online', 'offline'])(
    'after signing out %s neither what was written nor who was written to is kept by the browser',
    async (connection) => {
      const [user, friend, next] = ['mo', 'friend-of', 'nia'].map((name) => `${name}-${connection}`);
      if (!user || !friend || !next) throw new Error('three names');
      const [, writer] = await Promise.all([user, friend, next].map((name) => stage.client(name)));
      const context = await stage.context();
      const person = await Person.signIn(context, stage.server.url, user);
      // The name is on its way when the session ends.
      let isAsked = () => {};
      const asked = new Promise<void>((resolve) => {
        isAsked = resolve;
      });
      const answer: { give?: () => Promise<void> } = {};
      await context.route(`**/v1/users/${friend}`, async (route) => {
        const response = await route.fetch();
        answer.give = () => route.fulfill({ response });
        isAsked();
      });
      await writer?.send({ to: user as never }, { type: 'text', text: 'hello' });
      await person.open(friend);
      await asked;
      if (connection === 'offline') await context.setOffline(true);
      await person.page.locator('.composer textarea').pressSequentially('words of my own');
      await person.signOut();
      await answer.give?.();
      await context.setOffline(false);
      await context.unrouteAll();
      await Person.signIn(context, stage.server.url, next);
      const kept = await person.page.context().pages().at(-1)?.evaluate(allKept);
      expect(kept).toContain(next);
      expect(kept).not.toContain('words of my own');
      expect(kept).not.toContain(friend);
    },
    testMsMax,
  );

  test(
    'at midnight "Today" becomes "Yesterday" on a page that stays open',
    async () => {
      const writer = await stage.client('finn');
      const context = await stage.context({ timezoneId: 'UTC' });
      await context.clock.install({ time: new Date() });
      await stage.client('eve');
      await writer.send({ to: 'eve' as never }, { type: 'text', text: 'before midnight' });
      const eve = await Person.signIn(context, stage.server.url, 'eve');
      await eve.open('finn');
      await eve.page.locator('.day', { hasText: 'Today' }).waitFor();
      expect(await eve.page.locator('.conversation-time').innerText()).toMatch(/^\d\d:\d\d$/);
      await eve.page.clock.fastForward(24 * 3_600_000);
      await eve.page.locator('.day', { hasText: 'Yesterday' }).waitFor();
      await eve.page.locator('.conversation-time', { hasText: 'Yesterday' }).waitFor();
    },
    testMsMax,
  );

  test(
    'a device that moves to another time zone shows the times of that zone, also of what is on the screen',
    async () => {
      const writer = await stage.client('yan');
      const context = await stage.context();
      await stage.client('zoe');
      const { timestampMs } = await writer.send({ to: 'zoe' as never }, { type: 'text', text: 'what time is it' });
      const timeIn = (timeZone: string) =>
        new Intl.DateTimeFormat('en-GB', { timeStyle: 'short', timeZone }).format(timestampMs);
      const zoe = await Person.signIn(context, stage.server.url, 'zoe');
      const devtools = await context.newCDPSession(zoe.page);
      await devtools.send('Emulation.setTimezoneOverride', { timezoneId: 'Europe/London' });
      await zoe.open('yan');
      const time = zoe.bubble('what time is it').locator('.bubble-meta');
      await time.filter({ hasText: timeIn('Europe/London') }).waitFor();
      await devtools.send('Emulation.setTimezoneOverride', { timezoneId: 'Asia/Kolkata' });
      await zoe.setVisible(true);
      await time.filter({ hasText: timeIn('Asia/Kolkata') }).waitFor();
    },
    testMsMax,
  );

  test(
    'a chat below a path of a shared host works, and a foreign page in between does not replace it offline',
    async () => {
      await stage.client('gus');
      const front = openFront(stage.server.url, '/im');
      try {
        const context = await stage.context();
        const gus = await Person.signIn(context, `${front.url}/im/`, 'gus');
        await gus.startChat('gus');
        await gus.write('below a path');
        await gus.sees('below a path', 'ack');
        await gus.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));

        front.answerAll('<!doctype html><h1>Down for maintenance</h1>');
        await gus.page.reload();
        await gus.page.getByText('Down for maintenance').waitFor();
        await context.setOffline(true);
        await gus.page.reload();
        await gus.page.locator('.sidebar').waitFor({ state: 'attached' });
      } finally {
        front.stop();
      }
    },
    testMsMax,
  );

  test(
    'names stay after an offline reload, and are asked for again when the connection is back',
    async () => {
      await Person.signUp(await stage.context(), stage.server.url, 'ida');
      const context = await stage.context();
      const hal = await Person.signUp(context, stage.server.url, 'hal');
      await hal.startChat('ida');
      await hal.write('hello');
      await hal.sees('hello', 'delivered');
      await hal.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
      await hal.page.waitForFunction(() => localStorage.getItem('hongyan.names.hal')?.includes('Ida'));
      await hal.until(
        () => hal.page.evaluate(storedConversations, 'hongyan.hal'),
        (count) => count === 1,
        'the conversation is stored',
      );
      await context.setOffline(true);
      await hal.page.reload();
      await hal.conversation('Ida').waitFor();
      await hal.page.evaluate(() => localStorage.removeItem('hongyan.names.hal'));
      await hal.page.reload();
      await hal.conversation('ida').waitFor();
      await context.setOffline(false);
      await hal.conversation('Ida').waitFor();
    },
    testMsMax,
  );
});

/** Runs in the page: how many conversations its IndexedDB holds. */
function storedConversations(name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(name);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const counting = opening.result.transaction('conversations').objectStore('conversations').count();
      counting.onerror = () => reject(counting.error);
      counting.onsuccess = () => {
        opening.result.close();
        resolve(counting.result);
      };
    };
  });
}

/** Runs in the page: what localStorage and all databases hold. */
async function allKept(): Promise<string> {
  const done = <T>(request: IDBRequest<T>) =>
    new Promise<T>((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  const kept: unknown[] = Object.entries(localStorage);
  for (const { name = '' } of await indexedDB.databases()) {
    const database = await done(indexedDB.open(name));
    for (const store of database.objectStoreNames) {
      kept.push(name, await done(database.transaction(store).objectStore(store).getAll()));
    }
    database.close();
  }
  return JSON.stringify(kept);
}
