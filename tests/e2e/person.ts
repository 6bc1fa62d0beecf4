// Someone at the web chat: does what a user does, and sees what a user sees.

import type { BrowserContext, Locator, Page } from 'playwright-core';
import { password, waitMsMax } from './browser.ts';

export class Person {
  readonly page: Page;
  readonly userId: string;

  constructor(page: Page, userId: string) {
    this.page = page;
    this.userId = userId;
  }

  /** Makes an account through the sign-up page. */
  static async signUp(
    context: BrowserContext,
    url: string,
    userId: string,
    name: string = nameOf(userId),
  ): Promise<Person> {
    const page = await context.newPage();
    await page.goto(url);
    await page.getByRole('button', { name: /Create an account|注册一个/ }).click();
    await page.locator('input[name=username]').fill(userId);
    await page.locator('input[name=password]').fill(password);
    await page.locator('input[name=name]').fill(name);
    await page.locator('form button[type=submit]').click();
    const person = new Person(page, userId);
    await person.isOnline();
    return person;
  }

  /** Signs in to an account that is there. */
  static async signIn(context: BrowserContext, url: string, userId: string): Promise<Person> {
    const page = await context.newPage();
    await page.goto(url);
    await page.locator('input[name=username]').fill(userId);
    await page.locator('input[name=password]').fill(password);
    await page.locator('form button[type=submit]').click();
    const person = new Person(page, userId);
    await person.isOnline();
    return person;
  }

  /** The list is there and no banner says that the connection is not. */
  async isOnline(): Promise<void> {
    await this.page.locator('.sidebar').waitFor({ state: 'attached' });
    await this.page.locator('.banner').waitFor({ state: 'detached' });
  }

  /** Ends the session of this browser. The dialog also lists other devices, each with a button that begins with the same words. */
  async signOut(): Promise<void> {
    await this.page.locator('.self').click();
    await this.page.locator('dialog .button-danger', { hasText: /^(Sign out|退出登录)$/ }).click();
    await this.page.locator('input[name=username]').waitFor();
  }

  /** Finds the other by id and opens the conversation with them. */
  async startChat(userId: string): Promise<void> {
    const { page } = this;
    await page
      .locator('.sidebar-head')
      .getByRole('button', { name: /^(New chat|发起聊天)$/ })
      .click();
    await page.locator('dialog input').fill(userId);
    await page.locator('dialog .person', { hasText: userId }).first().click();
    await page.locator(`.pane[data-id*="${userId}"]`).waitFor();
  }

  async open(title: string): Promise<void> {
    await this.conversation(title).click();
    await this.page.locator('.messages-scroll[data-placed=true]').waitFor();
  }

  async write(text: string): Promise<void> {
    await this.page.locator('.composer textarea').fill(text);
    await this.page.keyboard.press('Enter');
  }

  conversation(title: string): Locator {
    return this.page.locator('.conversation', {
      has: this.page.locator('.conversation-title', { hasText: new RegExp(`^${title}$`) }),
    });
  }

  bubble(text: string): Locator {
    return this.page.locator('.message', { has: this.page.locator('.text', { hasText: new RegExp(`^${text}$`) }) });
  }

  /** An action from the menu of a message. */
  async choose(text: string, action: string): Promise<void> {
    await this.bubble(text).click({ button: 'right' });
    await this.page.getByRole('menuitem', { name: action, exact: true }).click();
  }

  /** The sign beside an own message: queued, ack, delivered, read, failed. */
  async sees(text: string, mark?: string): Promise<void> {
    const bubble = this.bubble(text);
    await (mark === undefined ? bubble : bubble.locator(`.mark[data-mark=${mark}]`)).waitFor();
  }

  /** The texts of the messages that exist as elements, from above to below. */
  shownTexts(): Promise<string[]> {
    return this.page
      .locator('.messages-scroll')
      .evaluate((list) =>
        [...list.querySelectorAll<HTMLElement>('.row')]
          .sort((a, b) => Number(a.dataset.index) - Number(b.dataset.index))
          .map((row) => row.querySelector('.text')?.textContent ?? ''),
      );
  }

  /** Seq of the last message whose end is on the screen. */
  lastShownSeq(): Promise<number> {
    return this.page.locator('.messages-scroll').evaluate((list) => {
      const { bottom } = list.getBoundingClientRect();
      const shown = [...list.querySelectorAll('.message')].filter(
        (row) => row.getBoundingClientRect().bottom <= bottom + 1,
      );
      return Math.max(...shown.map((row) => Number(row.getAttribute('aria-posinset'))));
    });
  }

  /** The message under the line "New messages". */
  async textBelowUnreadLine(): Promise<string> {
    const row = this.page.locator('.row', { has: this.page.locator('.unread-line') });
    return (await row.locator('.text').textContent()) ?? '';
  }

  /** Makes the page hidden or visible. Headless browsers keep every page visible, so the state is set from inside. */
  async setVisible(isVisible: boolean): Promise<void> {
    await this.page.evaluate(
      (state) => {
        Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      },
      isVisible ? 'visible' : 'hidden',
    );
  }

  /** Waits until `read` gives what is wanted; fails with the last answer. */
  async until<T>(read: () => Promise<T>, wanted: (value: T) => boolean, what: string): Promise<T> {
    const deadline = performance.now() + waitMsMax;
    for (;;) {
      const value = await read();
      if (wanted(value)) return value;
      if (performance.now() > deadline)
        throw new Error(`not within ${waitMsMax} ms: ${what}; last: ${JSON.stringify(value)}`);
      await this.page.evaluate(() => new Promise((done) => requestAnimationFrame(done)));
    }
  }
}

/** "ann" is shown as "Ann". */
const nameOf = (userId: string): string => userId.replace(/^./, (letter) => letter.toUpperCase());
