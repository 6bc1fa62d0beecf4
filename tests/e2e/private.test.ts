// What a user sets for themselves, on two devices of one user: it follows from one to the other.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import type { UserId } from '@hongyan/client';
import { openStage, type Stage } from './browser.ts';
import { Person } from './person.ts';

const testMsMax = 60_000;
let count = 0;

describe('the web chat on two devices of one user', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage('e2e-private');
  }, testMsMax);
  afterEach(() => stage.leave());
  afterAll(() => stage.end());

  /** Ann on a desktop and on a phone, and two who have written to her, the second one later. */
  async function begin() {
    const [ann, ben, cat] = ['ann', 'ben', 'cat'].map((name) => `${name}${++count}`) as [string, string, string];
    const { url } = stage.server;
    const desktop = await Person.signUp(await stage.context(), url, ann);
    const others = [await stage.client(ben), await stage.client(cat)] as const;
    for (const other of others) await other.send({ to: ann as UserId }, { type: 'text', text: 'hello' });
    const phone = await Person.signIn(await stage.context({ viewport: { width: 390, height: 780 } }), url, ann);
    for (const person of [desktop, phone]) {
      for (const other of [ben, cat]) await person.conversation(other).waitFor();
    }
    const say = (index: 0 | 1, text: string) => others[index].send({ to: ann as UserId }, { type: 'text', text });
    return { desktop, phone, others, say, ben, cat };
  }

  const titles = (person: Person) => person.page.locator('.conversation-title').allTextContents();
  const inOrder = (person: Person, wanted: readonly string[]) =>
    person.until(
      () => titles(person),
      (shown) => shown.join() === wanted.join(),
      `the list ${wanted.join()}`,
    );
  const choose = async (person: Person, title: string, item: string) => {
    await person.conversation(title).click({ button: 'right' });
    await person.page.getByRole('menuitem', { name: item, exact: true }).click();
  };
  const composer = (person: Person) => person.page.locator('.composer textarea');
  const written = (person: Person, text: string) =>
    person.until(
      () => composer(person).inputValue(),
      (value) => value === text,
      `"${text}" in the composer`,
    );

  test(
    '[E21, E24] pinned, muted and archived on one device, so on the other; a message brings back what is not muted',
    async () => {
      const { desktop, phone, say, ben, cat } = await begin();
      for (const person of [desktop, phone]) await inOrder(person, [cat, ben]);
      await choose(desktop, ben, 'Pin to the top');
      for (const person of [desktop, phone]) await inOrder(person, [ben, cat]);
      expect(await desktop.page.title()).toStartWith('(2)');
      await choose(desktop, cat, 'Mute for 8 hours');
      await phone.conversation(cat).getByTitle('muted').waitFor();
      for (const person of [desktop, phone])
        await person.until(
          () => person.page.title(),
          (title) => title.startsWith('(1)'),
          'one unread message',
        );
      await choose(desktop, ben, 'Archive');
      // A phone may have no menu of the list: the open conversation has the same.
      await phone.open(cat);
      await phone.page.locator('.pane-head').getByRole('button', { name: 'Actions for this conversation' }).click();
      await phone.page.getByRole('menuitem', { name: 'Archive', exact: true }).click();
      await phone.page.locator('.back').click();
      const fold = (person: Person) => person.page.getByRole('button', { name: /^Archived 2/ });
      for (const person of [desktop, phone]) {
        await fold(person).waitFor();
        await inOrder(person, []);
      }
      await fold(phone).click();
      await inOrder(phone, [cat, ben]);
      await say(1, 'muted');
      await say(0, 'back');
      for (const person of [desktop, phone]) await person.page.getByRole('button', { name: /^Archived 1/ }).waitFor();
      await inOrder(desktop, [ben]);
      await inOrder(phone, [ben, cat]);
    },
    testMsMax,
  );

  test(
    '[E21] the keyboard opens the menu of a conversation, and the focus comes back to it',
    async () => {
      const { desktop, ben, cat } = await begin();
      await desktop.conversation(cat).focus();
      await desktop.page.keyboard.press('ArrowDown');
      await desktop.page.locator(`.conversation:focus[data-id*="${ben}"]`).waitFor();
      await desktop.page.keyboard.press('Tab');
      await desktop.page.keyboard.press('Enter');
      await desktop.page.getByRole('menu').waitFor();
      await desktop.page.keyboard.press('Enter');
      await desktop.conversation(ben).getByTitle('pinned').waitFor();
      await inOrder(desktop, [ben, cat]);
      const focused = await desktop.page.evaluate(() => document.activeElement?.getAttribute('aria-label'));
      expect(focused).toBe(`Actions for this conversation: ${ben}`);
    },
    testMsMax,
  );

  test(
    '[E22] a draft follows from one device to the other, and goes when it is sent there',
    async () => {
      const { desktop, phone, ben, cat } = await begin();
      await desktop.open(ben);
      await composer(desktop).fill('half a sent');
      await phone.conversation(ben).getByText('half a sent').waitFor();
      await phone.open(ben);
      await written(phone, 'half a sent');
      await composer(phone).fill('half a sentence');
      await written(desktop, 'half a sentence');
      // Leaving saves at once.
      await composer(desktop).fill('half a sentence, whole');
      await desktop.open(cat);
      await written(phone, 'half a sentence, whole');
      await phone.page.keyboard.press('Enter');
      await phone.sees('half a sentence, whole');
      await desktop.open(ben);
      await desktop.sees('half a sentence, whole');
      await written(desktop, '');
    },
    testMsMax,
  );

  test(
    '[E22] what two devices write without seeing each other is shown on both, until the user chooses',
    async () => {
      const { desktop, phone, ben } = await begin();
      await desktop.open(ben);
      await phone.open(ben);
      await desktop.page.context().setOffline(true);
      await desktop.page.locator('.banner').waitFor();
      await composer(desktop).fill('at eight');
      await composer(phone).fill('at seven');
      await phone.page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
      await desktop.page.context().setOffline(false);
      await desktop.isOnline();
      const other = (person: Person) => person.page.locator('.draft-choice-text');
      await other(desktop).getByText('at seven').waitFor();
      await other(phone).getByText('at eight').waitFor();
      expect([await composer(desktop).inputValue(), await composer(phone).inputValue()]).toEqual([
        'at eight',
        'at seven',
      ]);
      await composer(phone).fill('at seven!');
      await other(desktop).getByText('at seven!').waitFor();
      await desktop.page.getByRole('button', { name: 'Use this text' }).click();
      for (const person of [desktop, phone]) {
        await written(person, 'at seven!');
        await other(person).waitFor({ state: 'detached' });
      }
    },
    testMsMax,
  );

  const settings = async (person: Person) => {
    await person.page.locator('.self').click();
    await person.page.locator('dialog[open]').waitFor();
  };
  const pick = (person: Person, label: string) =>
    person.page.locator('dialog label', { hasText: new RegExp(`^${label}$`) }).click();
  const root = (person: Person, name: 'theme' | 'lang') =>
    person.page.evaluate(
      (asked) => (asked === 'lang' ? document.documentElement.lang : document.documentElement.dataset.theme),
      name,
    );

  test(
    '[E21] language, appearance and what Enter does follow from one device to the other, and to a new one',
    async () => {
      const { desktop, phone, ben } = await begin();
      await settings(desktop);
      await pick(desktop, 'Dark');
      await phone.until(
        () => root(phone, 'theme'),
        (shown) => shown === 'dark',
        'dark',
      );
      // The colour of the browser's own bar.
      const barColor = () =>
        phone.page.evaluate(() =>
          [...document.querySelectorAll<HTMLMetaElement>('meta[name=theme-color]')]
            .filter(({ media }) => matchMedia(media).matches)
            .map(({ content }) => content),
        );
      expect(await barColor()).toEqual(['#12171a']);
      await settings(phone);
      await pick(phone, '中文');
      await desktop.page.getByRole('heading', { name: '设置' }).waitFor();
      await pick(phone, 'English');
      await desktop.page.getByRole('heading', { name: 'Settings' }).waitFor();
      // By keyboard: the choice is a group of radio buttons.
      const choice = desktop.page.getByRole('group', { name: 'Enter key' });
      await choice.getByRole('radio', { name: 'Sends' }).focus();
      await desktop.page.keyboard.press('ArrowRight');
      await phone.page.getByText('Ctrl+Enter or the button sends.').waitFor();
      for (const person of [desktop, phone]) await person.page.keyboard.press('Escape');
      await desktop.open(ben);
      await composer(desktop).fill('one');
      await desktop.page.keyboard.press('Enter');
      await desktop.page.keyboard.type('two');
      expect(await composer(desktop).inputValue()).toBe('one\ntwo');
      await desktop.page.keyboard.press('Control+Enter');
      await written(desktop, '');
      const tablet = await Person.signIn(await stage.context(), stage.server.url, desktop.userId);
      await tablet.until(
        () => root(tablet, 'theme'),
        (shown) => shown === 'dark',
        'dark on a new device',
      );
    },
    testMsMax,
  );

  test(
    '[E23] who keeps read receipts private has read on all own devices, and others see nothing of it until they share again',
    async () => {
      const { desktop, phone, others, say, ben, cat } = await begin();
      const readSeqs = async (index: 0 | 1) => {
        const conversationId = [desktop.userId, [ben, cat][index] ?? ''].sort().join(':');
        const members = await others[index].members(`d:${conversationId}` as never);
        return members.find(({ userId }) => userId === desktop.userId)?.readSeq;
      };
      await settings(desktop);
      await pick(desktop, 'Keep private');
      await settings(phone);
      await phone.page.getByRole('radio', { name: 'Keep private', checked: true }).waitFor({ state: 'attached' });
      for (const person of [desktop, phone]) await person.page.keyboard.press('Escape');
      await desktop.open(cat);
      await phone.conversation(cat).locator('.badge').waitFor({ state: 'detached' });
      await phone.open(ben);
      await desktop.conversation(ben).locator('.badge').waitFor({ state: 'detached' });
      expect([await readSeqs(0), await readSeqs(1)] as unknown[]).toEqual([0, 0]);
      await settings(desktop);
      await pick(desktop, 'Share');
      await desktop.page.keyboard.press('Escape');
      await say(1, 'and now');
      await desktop.sees('and now');
      await desktop.until(
        () => readSeqs(1),
        (seq) => Number(seq) === 2,
        'read by all',
      );
    },
    testMsMax,
  );
});
