// Two people at two browsers: signing up, writing, marks, groups, languages, phones and keyboards.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import type { BrowserContext, Page } from 'playwright-core';
import { openStage, password, type Stage } from './browser.ts';
import { Person } from './person.ts';

const testMsMax = 60_000;

/** What a copied profile has: not before the device has an id there. */
async function copyOf(context: BrowserContext, person: Person) {
  return person.until(
    () => context.storageState({ indexedDB: true }),
    // In the database of the client, whose device it is; the page's own storage may name one sooner.
    (state) =>
      /"deviceId".*"userId"/.test(JSON.stringify(state.origins.map((origin) => Reflect.get(origin, 'indexedDB')))),
    'the storage to have the id of the device',
  );
}

describe('the web chat', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage('e2e-chat', ['--content-bytes-max', '16384']);
  }, testMsMax);
  afterEach(() => stage.leave());
  afterAll(() => stage.end());

  test(
    'two people sign up and write to each other; the sender sees delivered, then read',
    async () => {
      const ann = await Person.signUp(await stage.context(), stage.server.url, 'ann');
      const ben = await Person.signUp(await stage.context(), stage.server.url, 'ben');
      await ann.startChat('ben');
      await ann.write('Hello Ben');
      await ann.sees('Hello Ben', 'delivered');
      expect(await ben.page.title()).toBe('(1) Hongyan');

      await ben.open('Ann');
      await ben.sees('Hello Ben');
      await ann.sees('Hello Ben', 'read');
      await ben.write('Hello Ann, see https://example.org/a?b=c. <b>Now</b>');
      await ann.page.locator('.text a[href="https://example.org/a?b=c"]').waitFor();
      await ann.bubble('Hello Ann, .*<b>Now</b>').waitFor();
      await ben.sees('Hello Ann, .*', 'read');
      expect(await ben.page.title()).toBe('Hongyan');
    },
    testMsMax,
  );

  test(
    'a wrong password and a taken user id are said in words',
    async () => {
      const cleo = await Person.signUp(await stage.context(), stage.server.url, 'cleo');
      const { page } = cleo;
      await cleo.signOut();
      await page.locator('input[name=username]').fill('cleo');
      await page.locator('input[name=password]').fill('wrong horse');
      await page.locator('form button[type=submit]').click();
      await page.getByText('The user id or the password is wrong.').waitFor();
      await page.getByRole('button', { name: /Create an account/ }).click();
      const userId = page.getByLabel('User id');
      expect(await userId.inputValue()).toBe('cleo');
      await page.locator('input[name=password]').fill('short');
      await page.locator('form button[type=submit]').click();
      await page.locator('input[name=password][aria-invalid=true]:focus').waitFor();
      await page.locator('input[name=password]').fill('correct horse');
      await userId.fill(' cleo ');
      await page.locator('form button[type=submit]').click();
      await page.locator('.field', { has: userId }).getByText('This user id is taken. Choose another.').waitFor();
      await page.locator('input[name=username][aria-invalid=true]:focus').waitFor();
    },
    testMsMax,
  );

  test(
    'a group is made, renamed and left; its members see what was done',
    async () => {
      const dan = await Person.signUp(await stage.context(), stage.server.url, 'dan');
      const eve = await Person.signUp(await stage.context(), stage.server.url, 'eve');
      await dan.page.locator('.sidebar-head').getByRole('button', { name: 'New group' }).click();
      await dan.page.locator('dialog input[name=title]').fill('Hikers');
      await dan.page.locator('dialog .search input').fill('eve');
      await dan.page.locator('dialog .person', { hasText: 'eve' }).click();
      await dan.page.getByRole('button', { name: 'Create group' }).click();
      await dan.write('Who is in?');
      await eve.open('Hikers');
      await eve.sees('Who is in\\?');
      await eve.page.getByText('Dan created the group with Eve').waitFor();

      await dan.page.getByRole('button', { name: 'Group info' }).click();
      await dan.page.getByRole('button', { name: 'Rename' }).click();
      await dan.page.locator('dialog input[name=title]').fill('Climbers');
      await dan.page.getByRole('button', { name: 'Save' }).click();
      await eve.page.locator('.pane-title h1', { hasText: 'Climbers' }).waitFor();

      await eve.page.getByRole('button', { name: 'Group info' }).click();
      await eve.page.getByRole('button', { name: 'Leave group' }).click();
      await eve.page.locator('.confirm .button-danger').click();
      await eve.conversation('Climbers').waitFor({ state: 'detached' });
      await dan.page.keyboard.press('Escape');
      await dan.page.getByText('Eve left').first().waitFor();
    },
    testMsMax,
  );

  test(
    '[D5] who joins later is told that earlier messages are not to be had',
    async () => {
      const oda = await Person.signUp(await stage.context(), stage.server.url, 'oda');
      const pia = await Person.signUp(await stage.context(), stage.server.url, 'pia');
      await oda.page.locator('.sidebar-head').getByRole('button', { name: 'New group' }).click();
      await oda.page.locator('dialog input[name=title]').fill('Readers');
      await oda.page.getByRole('button', { name: 'Create group' }).click();
      await oda.write('before Pia');
      await oda.sees('before Pia');
      await oda.page.getByRole('button', { name: 'Group info' }).click();
      await oda.page.getByRole('button', { name: 'Add member' }).click();
      await oda.page.locator('dialog .search input').fill('pia');
      await oda.page.locator('dialog .person', { hasText: 'pia' }).click();
      await oda.page.locator('dialog h3', { hasText: '2 members' }).waitFor();
      await oda.page.keyboard.press('Escape');
      await oda.write('after Pia');
      await pia.open('Readers');
      await pia.sees('after Pia');
      await pia.page.getByText('Earlier messages are not available').waitFor();
      expect(await pia.bubble('before Pia').count()).toBe(0);
    },
    testMsMax,
  );

  test(
    'a message that the server refuses stays, says why, and can be edited again or discarded',
    async () => {
      const nell = await Person.signUp(await stage.context(), stage.server.url, 'nell');
      await nell.startChat('nell');
      // Below the limit that the page knows, above the one of this server.
      await nell.write(`x${'y'.repeat(20_000)}`);
      const failed = nell.page.locator('.failed', { hasText: 'Too long to send.' });
      await failed.waitFor();
      expect(await failed.getByRole('button', { name: 'Send again' }).count()).toBe(0);
      await failed.getByRole('button', { name: 'Edit again' }).click();
      await failed.waitFor({ state: 'detached' });
      const box = nell.page.locator('.composer textarea');
      expect(await box.inputValue()).toHaveLength(20_001);
      await box.press('Enter');
      await failed.waitFor();
      await failed.getByRole('button', { name: 'Discard' }).click();
      await failed.waitFor({ state: 'detached' });
      expect(await nell.page.locator('.message').count()).toBe(0);
    },
    testMsMax,
  );

  test(
    '[D6] a message says where it is, for each recipient',
    async () => {
      const finn = await Person.signUp(await stage.context(), stage.server.url, 'finn');
      const gil = await Person.signUp(await stage.context(), stage.server.url, 'gil');
      await finn.startChat('gil');
      await finn.write('Where are you?');
      await finn.sees('Where are you\\?', 'delivered');
      await finn.bubble('Where are you\\?').click({ button: 'right' });
      await finn.page.getByRole('menuitem', { name: 'Message info' }).click();
      await finn.page.locator('dialog .person', { hasText: 'Gil' }).getByText('delivered').waitFor();
      await finn.page.getByText('Delivered to 1 of 1, read by 0 of 1').waitFor();
      await gil.page.close();
    },
    testMsMax,
  );

  test(
    'who writes is seen writing, and a draft waits for its writer',
    async () => {
      const hal = await Person.signUp(await stage.context(), stage.server.url, 'hal');
      const ida = await Person.signUp(await stage.context(), stage.server.url, 'ida');
      await hal.startChat('ida');
      await hal.write('One');
      await ida.open('Hal');
      await ida.page.locator('.composer textarea').pressSequentially('I think');
      await hal.page.locator('.pane-title .typing').waitFor();
      await ida.page.reload();
      await ida.page.locator('.composer textarea').waitFor();
      expect(await ida.page.locator('.composer textarea').inputValue()).toBe('I think');
    },
    testMsMax,
  );

  test(
    'a copy of the browser takes the connection over, and the first can have it back',
    async () => {
      const context = await stage.context();
      const first = await Person.signUp(context, stage.server.url, 'lea');
      const second = await (await stage.context({ storageState: await copyOf(context, first) })).newPage();
      await second.goto(stage.server.url);
      const notice = (page: Page) => page.getByText('Hongyan is open elsewhere with the data of this browser.');
      // Each comes back once, in case it was a late hello of its own: which of the two gives up first is a matter of time.
      await first.until(
        async () => (await notice(first.page).count()) + (await notice(second).count()),
        (count) => count === 1,
        'one of the two to be told that the other has the connection',
      );
      const [told, other] = (await notice(first.page).count()) === 1 ? [first.page, second] : [second, first.page];
      await told.getByRole('button', { name: 'Use here' }).click();
      await notice(other).waitFor();
      await notice(told).waitFor({ state: 'detached' });
    },
    testMsMax,
  );

  test(
    'who is no longer let in is asked to sign in again, and goes on with the same conversations',
    async () => {
      const mia = await Person.signUp(await stage.context(), stage.server.url, 'mia');
      await mia.startChat('mia');
      await mia.write('a note');
      await mia.sees('a note', 'ack');
      await mia.page.evaluate(() => {
        const stored = localStorage.getItem('hongyan.session') ?? '';
        localStorage.setItem('hongyan.session', stored.replace(/.{8}"}$/, 'AAAAAAAA"}'));
      });
      await mia.page.reload();
      await mia.page.getByRole('button', { name: 'Sign in again' }).click();
      expect(await mia.page.locator('input[name=username]').inputValue()).toBe('mia');
      await mia.page.locator('input[name=password]').fill(password);
      await mia.page.keyboard.press('Enter');
      await mia.isOnline();
      await mia.sees('a note', 'ack');
    },
    testMsMax,
  );

  test(
    'a phone in Chinese shows one pane at a time',
    async () => {
      const phone = { viewport: { width: 390, height: 844 }, locale: 'zh-CN', hasTouch: true, isMobile: true };
      const context = await stage.context(phone);
      const jun = await Person.signUp(context, stage.server.url, 'jun');
      expect(await jun.page.evaluate(() => document.documentElement.lang)).toBe('zh-CN');
      await jun.startChat('jun');
      await jun.page.getByPlaceholder('输入消息').fill('给自己的话');
      await jun.page.getByRole('button', { name: '发送' }).click();
      await jun.sees('给自己的话');
      expect(await jun.page.locator('.sidebar').isVisible()).toBe(false);
      await jun.page.getByRole('button', { name: '返回会话列表' }).click();
      await jun.conversation('我的备忘').waitFor();
      expect(await jun.page.locator('.pane').isVisible()).toBe(false);
      const wide = await jun.page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
      expect(wide).toBe(false);
    },
    testMsMax,
  );

  test(
    'the keyboard alone signs in, opens a conversation and sends',
    async () => {
      const kim = await Person.signUp(await stage.context(), stage.server.url, 'kim');
      await kim.startChat('ann');
      await kim.write('first');
      await kim.sees('first', 'ack');
      await kim.startChat('ben');
      await kim.write('second');
      await kim.sees('second', 'ack');

      const page = await (await stage.context()).newPage();
      await page.goto(stage.server.url);
      await page.locator('input[name=username]').waitFor();
      await page.keyboard.press('Tab');
      await page.keyboard.type('kim');
      await page.keyboard.press('Tab');
      await page.keyboard.type('correct horse');
      await page.keyboard.press('Enter');
      await page.locator('.conversation').nth(1).waitFor();
      const focused = () => page.evaluate(() => document.activeElement?.className ?? '');
      for (let presses = 0; (await focused()) !== 'conversation'; presses++) {
        expect(presses).toBeLessThan(10);
        await page.keyboard.press('Tab');
      }
      await page.keyboard.press('ArrowDown');
      await page.waitForFunction(() => document.activeElement?.getAttribute('href') === '#d:ann:kim');
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => document.activeElement?.tagName === 'TEXTAREA');
      await page.keyboard.type('from the keyboard');
      await page.keyboard.press('Enter');
      const again = new Person(page, 'kim');
      await again.sees('from the keyboard', 'ack');
      await page.keyboard.press('Escape');
      await page.waitForFunction(() => document.activeElement?.getAttribute('href') === '#d:ann:kim');
    },
    testMsMax,
  );
});
