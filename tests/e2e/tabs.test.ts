// Tabs of one browser: one device with one connection, whichever of them is closed, hidden, or crashes.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import type { Client, UserId } from '@hongyan/client';
import { until } from '@hongyan/testing/until';
import type { BrowserContext, Page } from 'playwright-core';
import { openStage, type Stage } from './browser.ts';
import { Person } from './person.ts';

const testMsMax = 60_000;

describe('tabs of one browser', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage('e2e-tabs');
  }, testMsMax);
  afterEach(() => stage.leave());
  afterAll(() => stage.end());

  /** A user in `count` tabs, each with the conversation with a friend open, in which the friend has written "hello". */
  async function openTabs(userId: string, count: number) {
    const friend = await stage.client(`${userId}-friend`);
    await (await stage.client(userId)).close();
    const context = await stage.context();
    const sockets = new OpenSockets(context);
    const first = await Person.signIn(context, stage.server.url, userId);
    await first.startChat(`${userId}-friend`);
    await write(friend, userId, 'hello');
    await first.sees('hello');
    const tabs = [first];
    while (tabs.length < count) {
      const tab = new Person(await context.newPage(), userId);
      await tab.page.goto(first.page.url());
      await tab.isOnline();
      await tab.sees('hello');
      tabs.push(tab);
    }
    return { context, sockets, tabs, friend };
  }

  const write = (from: Client, to: string, text: string) => from.send({ to: to as UserId }, { type: 'text', text });
  const allSee = (tabs: readonly Person[], text: string) => Promise.all(tabs.map((tab) => tab.sees(text)));

  /** Each text once, in this order. */
  async function show(tabs: readonly Person[], texts: readonly string[]) {
    for (const tab of tabs) expect((await tab.shownTexts()).filter((text) => text !== '')).toEqual([...texts]);
  }

  test(
    '[C11] three tabs show the same over one connection, and a message sent in any of them stands once in each',
    async () => {
      const { sockets, tabs, friend } = await openTabs('ann', 3);
      await sockets.becomeOne();
      await write(friend, 'ann', 'to all');
      await allSee(tabs, 'to all');
      const texts = ['hello', 'to all'];
      for (const [index, tab] of tabs.entries()) {
        await tab.write(`from ${index}`);
        texts.push(`from ${index}`);
        await Promise.all(tabs.map((each) => each.sees(`from ${index}`, 'delivered')));
      }
      await show(tabs, texts);
      expect(sockets.pages).toHaveLength(1);
      for (const tab of tabs) expect(await tab.page.locator('.banner').count()).toBe(0);
    },
    testMsMax,
  );

  test(
    '[C11] [D4] when the tab with the connection is closed or crashes, another continues and nothing is missed',
    async () => {
      const { sockets, tabs, friend } = await openTabs('ben', 3);
      const texts = ['hello'];
      for (const how of ['closed', 'crashed'] as const) {
        const leader = await sockets.becomeOne();
        const at = tabs.findIndex(({ page }) => page === leader);
        const [gone] = tabs.splice(at, 1);
        if (!gone) throw new Error('the connection is of no tab');
        if (how === 'closed') await gone.page.close({ runBeforeUnload: false });
        else await crash(gone.page);
        sockets.forget(gone.page);
        for (let n = 0; n < 5; n++) {
          texts.push(`${how} ${n}`);
          await write(friend, 'ben', `${how} ${n}`);
        }
        await allSee(tabs, `${how} 4`);
        await sockets.becomeOne();
        await show(tabs, texts);
      }
    },
    testMsMax,
  );

  test(
    '[C11] the visible tab has the connection: a hidden one gives it up, a frozen one loses it and is up to date when it wakes',
    async () => {
      const { sockets, tabs, friend } = await openTabs('cleo', 2);
      const [first, second] = tabs as [Person, Person];
      expect(await sockets.becomeOne()).toBe(first.page);
      const presence: boolean[] = [];
      friend.on('presence', ({ online }) => presence.push(online));
      await friend.watchPresence(['cleo' as UserId]);
      await first.setVisible(false);
      await second.setVisible(true);
      await sockets.becomeOne(second.page);
      await write(friend, 'cleo', 'after the move');
      await allSee(tabs, 'after the move');

      const wake = await freeze(second.page);
      await first.setVisible(true);
      await sockets.movesTo(first.page);
      await write(friend, 'cleo', 'while it is frozen');
      await first.sees('while it is frozen');
      await wake();
      await second.sees('while it is frozen');
      await second.isOnline();
      await show(tabs, ['hello', 'after the move', 'while it is frozen']);
      expect(await sockets.becomeOne()).toBe(first.page);
      expect(presence).not.toContain(false);
    },
    testMsMax,
  );

  test(
    '[C11] [E24] notifications that were switched on are shown by one tab, while none is visible, and lead to the conversation',
    async () => {
      const { context, tabs, friend } = await openTabs('nell', 2);
      await context.grantPermissions(['notifications'], { origin: stage.server.url });
      await context.addInitScript(recordNotifications);
      const [first, second] = tabs as [Person, Person];
      for (const tab of tabs) {
        await tab.page.goto(stage.server.url);
        await tab.page.reload();
        await tab.isOnline();
      }
      const shown = async () => (await Promise.all(tabs.map(({ page }) => page.evaluate(notificationBodies)))).flat();
      const hide = () => Promise.all(tabs.map((tab) => tab.setVisible(false)));
      const snippet = (tab: Person, text: string) => tab.page.locator('.snippet', { hasText: text }).waitFor();
      const hasShown = (count: number) =>
        first.until(shown, ({ length }) => length === count, `${count} notifications`);

      await hide();
      await write(friend, 'nell', 'while it is off');
      await Promise.all(tabs.map((tab) => snippet(tab, 'while it is off')));
      await first.setVisible(true);
      await first.page.locator('.self').click();
      await first.page.getByRole('group', { name: 'Notifications' }).getByText('On', { exact: true }).click();
      await first.page.getByText('Muted conversations stay silent').waitFor();
      await first.page.keyboard.press('Escape');
      await write(friend, 'nell', 'while one is visible');
      await Promise.all(tabs.map((tab) => snippet(tab, 'while one is visible')));
      await hide();
      await write(friend, 'nell', 'in the background');
      expect(await hasShown(1)).toEqual(['in the background']);

      await first.conversation('nell-friend').click({ button: 'right' });
      await first.page.getByRole('menuitem', { name: 'Mute always' }).click();
      await second.page.locator('.own-mark').waitFor();
      await write(friend, 'nell', 'while muted');
      await Promise.all(tabs.map((tab) => snippet(tab, 'while muted')));
      await first.conversation('nell-friend').click({ button: 'right' });
      await first.page.getByRole('menuitem', { name: 'Unmute' }).click();
      await Promise.all(tabs.map((tab) => tab.page.locator('.own-mark').waitFor({ state: 'detached' })));
      await write(friend, 'nell', 'once more');
      expect(await hasShown(2)).toEqual(['in the background', 'once more']);
      for (const { page } of tabs) await page.evaluate(clickNotification);
      const panes = () => Promise.all(tabs.map(({ page }) => page.locator('.pane[data-id*="nell-friend"]').count()));
      await first.until(
        panes,
        (counts) => counts.toSorted().join() === '0,1',
        'the conversation in the tab that notified',
      );
    },
    testMsMax,
  );

  test(
    '[C11] what is read in one tab is read in the others',
    async () => {
      const { tabs, friend } = await openTabs('dora', 2);
      const [first, second] = tabs as [Person, Person];
      for (const { page } of tabs) await page.evaluate(() => location.assign('#'));
      await write(friend, 'dora', 'unread');
      const badge = ({ page }: Person) => page.locator('.conversation .badge');
      await Promise.all(tabs.map((tab) => badge(tab).waitFor()));
      await second.open('dora-friend');
      await Promise.all(tabs.map((tab) => badge(tab).waitFor({ state: 'detached' })));
      await first.page.reload();
      await first.isOnline();
      expect(await badge(first).count()).toBe(0);
    },
    testMsMax,
  );

  test(
    '[C11] [C4] messages written in two tabs without a network are sent once each, also that of a tab that was closed',
    async () => {
      const { context, sockets, tabs, friend } = await openTabs('eve', 3);
      const arrived: unknown[] = [];
      friend.on('message', ({ content }) => arrived.push(content.text));
      await context.setOffline(true);
      await Promise.all(tabs.map(({ page }) => page.locator('.banner').waitFor()));
      for (const [index, tab] of tabs.entries()) {
        await tab.write(`offline ${index}`);
        await tab.sees(`offline ${index}`, 'queued');
      }
      const [closed] = tabs.splice(2, 1);
      await closed?.page.close();
      await context.setOffline(false);
      await Promise.all([0, 1, 2].map((index) => allSee(tabs, `offline ${index}`)));
      await Promise.all(tabs.map((tab) => tab.page.locator('.mark[data-mark=queued]').waitFor({ state: 'detached' })));
      await sockets.becomeOne();
      for (const tab of tabs) expect((await tab.shownTexts()).filter((text) => text !== '')).toHaveLength(4);
      expect(arrived.toSorted()).toEqual(['offline 0', 'offline 1', 'offline 2']);
    },
    testMsMax,
  );

  test(
    '[C11] tabs that sign in at the same moment are one device',
    async () => {
      await (await stage.client('finn')).close();
      const context = await stage.context();
      const sockets = new OpenSockets(context);
      const other = new Person(await context.newPage(), 'finn');
      await other.page.goto(stage.server.url);
      const first = await Person.signIn(context, stage.server.url, 'finn');
      await other.isOnline();
      await sockets.becomeOne();
      await first.startChat('finn');
      await first.write('to myself');
      await first.sees('to myself');
      await other.page.locator('.conversation').waitFor();
    },
    testMsMax,
  );
});

/** Nothing runs in the page until it is woken, as in one that the browser has frozen; browsers freeze none that holds a lock for a test. */
async function freeze(page: Page): Promise<() => Promise<void>> {
  const session = await page.context().newCDPSession(page);
  await session.send('Debugger.enable');
  const paused = new Promise((resolve) => session.once('Debugger.paused', resolve));
  await session.send('Debugger.pause');
  await paused;
  return async () => {
    await session.send('Debugger.disable');
  };
}

async function crash(page: Page): Promise<void> {
  const crashed = page.waitForEvent('crash');
  const session = await page.context().newCDPSession(page);
  session.send('Page.crash').catch(() => {}); // a page that crashed does not answer
  await crashed;
}

/** The pages that have a WebSocket, as the browser reports it. */
class OpenSockets {
  pages: Page[] = [];

  constructor(context: BrowserContext) {
    context.on('page', (page) =>
      page.on('websocket', (socket) => {
        this.pages.push(page);
        socket.on('close', () => this.pages.splice(this.pages.indexOf(page), 1));
      }),
    );
  }

  forget(page: Page): void {
    this.pages = this.pages.filter((other) => other !== page);
  }

  /** Resolves with the only page that has one, `wanted` where it is given. */
  async becomeOne(wanted?: Page): Promise<Page> {
    await until(() => this.pages.length === 1 && (wanted === undefined || this.pages[0] === wanted));
    return this.pages[0] as Page;
  }

  /** A page that is frozen does not report that its own is closed. */
  async movesTo(page: Page): Promise<void> {
    await until(() => this.pages.includes(page));
  }
}

/** Records what the page shows; headless browsers show nothing. */
function recordNotifications(): void {
  const shown: Notification[] = [];
  const Real = Notification;
  Object.assign(globalThis, {
    shown,
    Notification: class extends Real {
      constructor(title: string, options?: NotificationOptions) {
        super(title, options);
        shown.push(this);
      }
    },
  });
}

const notificationBodies = () =>
  (globalThis as unknown as { readonly shown: readonly Notification[] }).shown.map(({ body }) => body);

const clickNotification = () =>
  (globalThis as unknown as { readonly shown: readonly Notification[] }).shown
    .at(-1)
    ?.dispatchEvent(new Event('click'));
