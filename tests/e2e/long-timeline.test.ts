// A conversation of 100,000 messages: it opens at the newest, few elements exist, and scrolling up loads older ones in place.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { type ConversationId, createClient, login, type UserId } from '@hongyan/client';
import { openStage, password, type Stage } from './browser.ts';
import { Person } from './person.ts';

const testMsMax = 150_000;
const messages = Number(process.env.HONGYAN_E2E_MESSAGES ?? 100_000);
/** Sends on their way at once. */
const window = 2_000;
const elementsMax = 120;

describe('a long conversation', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage('e2e-long');
  }, testMsMax);
  afterEach(() => stage.leave());
  afterAll(() => stage.end());

  async function fill(): Promise<void> {
    const { url } = stage.server;
    const { access_token } = await login({ url, userId: 'ben', password });
    const client = createClient({ url, token: () => access_token });
    await client.connect();
    for (let from = 1; from <= messages; from += window) {
      const numbers = Array.from({ length: Math.min(window, messages - from + 1) }, (_, index) => from + index);
      await Promise.all(
        numbers.map((n) => client.send({ to: 'ann' as UserId }, { type: 'text', text: `message ${n}` })),
      );
    }
    await client.close();
  }

  test(
    `${messages} messages open at the newest, with few elements, and load upward without moving`,
    async () => {
      await Person.signUp(await stage.context(), stage.server.url, 'ben');
      const ann = await Person.signUp(await stage.context(), stage.server.url, 'ann');
      await ann.startChat('ben');
      await fill();
      await ann.sees(`message ${messages}`);
      // A burst passes by unread until the list stands still.
      const ben = await stage.client('ben');
      const readSeq = async () => {
        const members = await ben.members('d:ann:ben' as ConversationId);
        return members.find((member) => member.userId === 'ann')?.readSeq;
      };
      await ann.until(readSeq, (seq) => seq === messages, 'all to be read');

      await ann.page.reload();
      await ann.sees(`message ${messages}`);
      const rows = () => ann.page.locator('.row').count();
      expect(await rows()).toBeLessThan(elementsMax);

      const list = ann.page.locator('.messages-scroll');
      const highest = async () => Number((await ann.shownTexts())[0]?.replace('message ', ''));
      for (let page = 0; page < 12; page++) {
        const before = await highest();
        await list.evaluate((element) => element.scrollBy(0, -3_000));
        await ann.until(highest, (now) => now < before, 'older messages');
        expect(await rows()).toBeLessThan(elementsMax);
      }
      const shown = await ann.shownTexts();
      const first = Number(shown[0]?.replace('message ', ''));
      expect(first).toBeLessThan(messages - 300);
      expect(shown).toEqual(shown.map((_, index) => `message ${first + index}`));

      await ann.page.locator('.jump').click();
      await ann.sees(`message ${messages}`);
    },
    testMsMax,
  );
});
