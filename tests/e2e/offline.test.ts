// A browser that loses its network: what was missed comes once and in order, what was written is sent once.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { createClient, login, type UserId } from '@hongyan/client';
import { openStage, password, type Stage } from './browser.ts';
import { Person } from './person.ts';

const testMsMax = 60_000;
const missedMessages = 500;

describe('the web chat without a network', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage('e2e-offline');
  }, testMsMax);
  afterEach(() => stage.leave());
  afterAll(() => stage.end());

  async function library(userId: string) {
    const { url } = stage.server;
    const { access_token } = await login({ url, userId, password });
    const client = createClient({ url, token: () => access_token });
    await client.connect();
    return client;
  }

  test(
    '[D4] who was away sees 500 messages exactly once and in order',
    async () => {
      const context = await stage.context();
      const ann = await Person.signUp(context, stage.server.url, 'ann');
      await Person.signUp(await stage.context(), stage.server.url, 'ben');
      await ann.startChat('ben');
      await ann.write('before');
      await ann.sees('before', 'delivered');

      await context.setOffline(true);
      await ann.page.locator('.banner').waitFor();
      const ben = await library('ben');
      const texts = Array.from({ length: missedMessages }, (_, index) => `missed ${index + 1}`);
      await Promise.all(texts.map((text) => ben.send({ to: 'ann' as UserId }, { type: 'text', text })));
      await ben.close();
      await context.setOffline(false);
      await ann.isOnline();

      const seen: string[] = [];
      await ann.until(
        async () => {
          await ann.page.locator('.messages-scroll').evaluate((list) => list.scrollTo(0, 0));
          return ann.shownTexts();
        },
        (shown) => shown[0] === 'before' && shown[1] === texts[0],
        'the first of the missed messages',
      );
      await ann.until(
        async () => {
          const shown = await ann.shownTexts();
          // Joins what is shown to what was seen at the place where they overlap.
          const from = seen.length === 0 ? 0 : shown.indexOf(seen.at(-1) ?? '') + 1;
          if (seen.length === 0 || from > 0) seen.push(...shown.slice(from));
          await ann.page.locator('.messages-scroll').evaluate((list) => list.scrollBy(0, 300));
          return seen.at(-1);
        },
        (last) => last === texts.at(-1),
        'the last of the missed messages',
      );
      expect(seen.filter((text) => text !== '')).toEqual(['before', ...texts]);
    },
    testMsMax,
  );

  test(
    '[C2] what was written offline waits through a reload and is sent once',
    async () => {
      const context = await stage.context();
      const carl = await Person.signUp(context, stage.server.url, 'carl');
      const dora = await Person.signUp(await stage.context(), stage.server.url, 'dora');
      await carl.startChat('dora');
      await carl.write('online');
      await carl.sees('online', 'delivered');
      await dora.open('Carl');
      await carl.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));

      await context.setOffline(true);
      for (const text of ['first', 'second', 'third']) await carl.write(text);
      await carl.sees('third', 'queued');
      expect(await carl.page.locator('.message[data-editing=true]').count()).toBe(0);
      await carl.page.getByText('3 messages waiting').waitFor();
      await carl.page.reload();
      await carl.sees('third', 'queued');

      await context.setOffline(false);
      await carl.sees('third', 'read');
      const texts = ['online', 'first', 'second', 'third'];
      await dora.sees('third');
      expect(await dora.shownTexts()).toEqual(texts);
      expect((await carl.shownTexts()).filter((text) => text !== '')).toEqual(texts);
    },
    testMsMax,
  );
});
