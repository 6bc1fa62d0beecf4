// A page that is reloaded without a network, near the edge of what the device kept: it says what it cannot show, and shows it when the
// network is back.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import type { Client, ConversationId, Seq, UserId } from '@hongyan/client/api';
import { until } from '@hongyan/testing/until';
import type { BrowserContext } from 'playwright-core';
import { openStage, type Stage } from './browser.ts';
import { Person } from './person.ts';

const testMsMax = 60_000;
const talk = 300;

describe('the edge of what is kept in the web chat', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage('e2e-kept-pages');
  }, testMsMax);
  afterEach(() => stage.leave());
  afterAll(() => stage.end());

  /** A group of long ago, before the reader's browser is one of their devices. */
  async function talked(writer: Client, reader: string): Promise<{ conversationId: ConversationId; firstSeq: Seq }> {
    const { conversationId } = await writer.createGroup({ title: 'Geese', members: [reader as UserId] });
    const first = await writer.send({ conversationId }, { type: 'text', text: 'Where do we meet?' });
    const texts = Array.from({ length: talk }, (_, index) => `talk ${index + 1}`);
    await Promise.all(texts.map((text) => writer.send({ conversationId }, { type: 'text', text })));
    return { conversationId, firstSeq: first.seq as Seq };
  }

  async function reloadOffline(context: BrowserContext, { page }: Person): Promise<void> {
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await context.setOffline(true);
    await page.reload();
    await page.locator('.banner', { hasText: /Offline|离线|连接已断开/ }).waitFor();
  }

  const keptCount = ({ page }: Person) => page.evaluate(countKept);
  const top = ({ page }: Person) => page.locator('.timeline-top');
  const toTop = ({ page }: Person) => page.locator('.messages-scroll').evaluate((list) => list.scrollTo(0, 0));

  test(
    '[C10] what is older, and the far end of a quote, is said to be missing offline, and comes with the network',
    async () => {
      const bob = await stage.client('bob');
      const own = await stage.client('ann');
      const { conversationId, firstSeq } = await talked(bob, 'ann');
      await bob.send({ conversationId }, { type: 'text', text: 'At the lake' }, { replyTo: { seq: firstSeq } });
      const sent = await bob.send({ conversationId }, { type: 'text', text: 'At noon' });
      await until(() => own.conversation(conversationId)?.lastSeq === sent.seq);
      own.markRead(conversationId, sent.seq as Seq);
      await until(async () =>
        (await bob.members(conversationId)).some(({ userId, readSeq }) => userId === 'ann' && readSeq === sent.seq),
      );

      const context = await stage.context();
      const ann = await Person.signIn(context, stage.server.url, 'ann');
      await ann.open('Geese');
      await ann.sees('At noon');
      await ann.until(
        () => keptCount(ann),
        (count) => count >= 100,
        'the newest page to be kept',
      );

      await reloadOffline(context, ann);
      await ann.sees('At noon');
      await toTop(ann);
      await top(ann).getByText('Older messages cannot be loaded while offline.').waitFor();
      expect(await top(ann).getByText('Loading…').count()).toBe(0);
      const shown = (await ann.shownTexts()).map((text) => Number(text.replace('talk ', '')));
      expect(shown).toEqual(shown.map((_, index) => (shown[0] ?? 0) + index));
      expect(await ann.conversation('Geese').locator('.badge').count()).toBe(0);
      await context.setOffline(false);
      await ann.isOnline();
      // Not scrolled: what was missing comes by itself.
      await ann.until(
        () => ann.shownTexts(),
        ([text]) => text !== `talk ${shown[0]}`,
        'older messages',
      );

      await reloadOffline(context, ann);
      await ann.sees('At noon');
      await ann.bubble('At the lake').locator('.quote').click();
      const note = ann.page.locator('.timeline-note', { hasText: 'That message cannot be loaded while offline.' });
      await note.waitFor();
      await ann.sees('At noon');
      await context.setOffline(false);
      await ann.page.locator('.message[data-target=true]', { hasText: 'Where do we meet?' }).waitFor();
      await note.waitFor({ state: 'detached' });
      await ann.isOnline();
      await top(ann).getByText('This is where the conversation begins').waitFor();
    },
    testMsMax,
  );

  test(
    '[C10] [D7] unread messages that begin before what is kept stay unread offline, and are read from the first with the network',
    async () => {
      const bea = await stage.client('bea');
      await stage.client('ada');
      const { conversationId } = await talked(bea, 'ada');
      const context = await stage.context({ locale: 'zh-CN' });
      const ada = await Person.signIn(context, stage.server.url, 'ada');
      await ada.conversation('Geese').locator('.badge').waitFor();
      for (const text of ['one', 'two', 'three']) await bea.send({ conversationId }, { type: 'text', text });
      await ada.until(
        () => keptCount(ada),
        (count) => count >= 3,
        'what was pushed to be kept',
      );

      await reloadOffline(context, ada);
      await ada.open('Geese');
      await ada.sees('three');
      await top(ada).getByText('离线时无法加载更早的消息。').waitFor();
      expect(await ada.shownTexts()).toEqual(['one', 'two', 'three']);
      await ada.page.locator('.composer textarea').fill('a while');
      await ada.conversation('Geese').locator('.badge').waitFor();

      await context.setOffline(false);
      await ada.isOnline();
      await ada.until(
        () => ada.textBelowUnreadLine(),
        (text) => text === 'Where do we meet?',
        'the first unread message',
      );
      const members = await bea.members(conversationId);
      expect(Number(members.find(({ userId }) => userId === 'ada')?.readSeq)).toBeLessThan(talk / 2);
    },
    testMsMax,
  );
});

/** In the page: messages in the databases of the client library. */
async function countKept(): Promise<number> {
  let sum = 0;
  for (const { name } of await indexedDB.databases()) {
    const opening = indexedDB.open(name as string);
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(opening.error);
    });
    if (database.objectStoreNames.contains('messages')) {
      const counting = database.transaction('messages').objectStore('messages').count();
      sum += await new Promise<number>((resolve) => {
        counting.onsuccess = () => resolve(counting.result);
      });
    }
    database.close();
  }
  return sum;
}
