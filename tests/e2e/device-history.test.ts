// What the browser keeps: without a server the last messages are there as they were, and a reconnect asks for changes alone.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import type { Client, ConversationId, Seq, UserId } from '@hongyan/client';
import type { BrowserContext, Page, WebSocket } from 'playwright-core';
import { type ServerProcess, startServer } from '../server-process.ts';
import { openStage, type Stage, webRoot } from './browser.ts';
import { Person } from './person.ts';

const testMsMax = 90_000;
const words = (text: string) => ({ type: 'text', text });
const seq = (number: number) => number as Seq;

describe('the web chat and what its browser keeps', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage('e2e-device-history');
  }, testMsMax);
  afterEach(() => stage.leave());
  afterAll(() => stage.end());

  const restarted = (): Promise<ServerProcess> => {
    const { port, dataDir } = stage.server;
    return startServer({ port, dataDir, args: ['--web-root', webRoot, '--log-level', 'warn'] });
  };

  /** Someone with the conversation open whose service worker keeps the page. */
  async function reader(context: BrowserContext, userId: string, other: string): Promise<Person> {
    const person = await Person.signIn(context, stage.server.url, userId);
    await person.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await person.open(other);
    return person;
  }

  async function account(userId: string): Promise<void> {
    await (await stage.client(userId)).close();
  }

  const say = async (from: Client, to: string, texts: readonly string[]) => {
    for (const text of texts) await from.send({ to: to as UserId }, words(text));
  };

  test(
    '[C10] with the server stopped, a reload shows the messages with their edits, reactions and pins; back online, changes alone are asked for',
    async () => {
      await account('ann');
      const ben = await stage.client('ben');
      const id = 'd:ann:ben' as ConversationId;
      await say(ben, 'ann', ['first', 'a tpyo', 'liked', 'a secret', 'last']);
      const context = await stage.context();
      const ann = await reader(context, 'ann', 'ben');
      await ann.sees('last');
      await ben.edit(id, seq(2), words('a typo'));
      await ben.react(id, seq(3), '🎉', 'add');
      await ben.pin(id, seq(1), true);
      await ann.sees('a typo');
      await ann.page.locator('.pinned-bar').waitFor();
      await ann.page.locator('.reaction').waitFor();
      await ann.until(
        () => ann.page.evaluate(keptMessages, 'ann'),
        (kept) => kept.includes('🎉') && kept.includes('isPinned'),
        'all is stored',
      );

      expect(await stage.server.stop()).toBe(0);
      await ann.page.reload();
      await ann.sees('last');
      expect((await ann.shownTexts()).filter((text) => text !== '')).toEqual([
        'first',
        'a typo',
        'liked',
        'a secret',
        'last',
      ]);
      expect(await ann.bubble('liked').locator('.reaction').innerText()).toContain('🎉 1');
      await ann.bubble('a typo').getByText('edited').waitFor();
      await ann.page.locator('.pinned-bar', { hasText: 'first' }).waitFor();

      // An own change waits, and shows after another reload too.
      await ann.bubble('first').click({ button: 'right' });
      await ann.page.getByRole('menuitem', { name: 'React with 👍' }).click();
      await ann.bubble('first').locator('.reaction').waitFor();
      await ann.page.reload();
      await ann.bubble('first').locator('.reaction').waitFor();

      await context.setOffline(true);
      const server = await restarted();
      try {
        const again = await stage.client('ben');
        await again.edit(id, seq(5), words('the very last'));
        await again.recall(id, seq(4));
        const frames = framesOf(ann.page);
        await context.setOffline(false);
        await ann.sees('the very last');
        await ann.page.locator('[data-recalled=true]').waitFor();
        await ann.isOnline();
        expect(frames.up.filter(({ type }) => type === 'history')).toEqual([]);
        expect(frames.up.filter(({ type }) => type === 'catch_up')).toMatchObject([{ after_seq: 8 }]);
        const entries = frames.down.flatMap((frame) => (frame.type === 'catch_up_result' ? frame.entries : []));
        expect(entries.map(({ content }) => content.type).slice(0, 2)).toEqual(['hongyan.edit', 'hongyan.recall']);
        await ann.until(
          () => ann.page.evaluate(keptMessages, 'ann'),
          (kept) => kept.includes('the very last') && !kept.includes('a secret'),
          'the recalled text is gone from the browser',
        );
      } finally {
        await server.stop();
      }
      // For the tests that follow.
      stage.server = await restarted();
    },
    testMsMax,
  );

  test(
    '[C10] a reload without a network pages up as far as the browser has it, and on when the server is back',
    async () => {
      await account('cleo');
      const dora = await stage.client('dora');
      await Promise.all(
        Array.from({ length: 450 }, (_, index) => dora.send({ to: 'cleo' as UserId }, words(`message ${index + 1}`))),
      );
      const context = await stage.context();
      const cleo = await reader(context, 'cleo', 'dora');
      await cleo.page.locator('.jump').click();
      await cleo.sees('message 450');
      // Read, so that the reload opens at the end.
      await cleo.conversation('dora').locator('.badge').waitFor({ state: 'detached' });
      const list = cleo.page.locator('.messages-scroll');
      const highest = async () => {
        await list.evaluate((element) => element.scrollTo(0, 0));
        return Number((await cleo.shownTexts())[0]?.replace('message ', ''));
      };
      await cleo.until(highest, (number) => number < 300, 'two pages are loaded');
      await cleo.until(
        () => cleo.page.evaluate(keptMessages, 'cleo'),
        (kept) => kept.includes('"message 300"'),
        'both are stored',
      );

      await context.setOffline(true);
      await cleo.page.reload();
      await cleo.sees('message 450');
      const upTo = await cleo.until(highest, (number) => number < 300, 'what the browser has');
      expect(upTo).toBeGreaterThan(1);
      await context.setOffline(false);
      await cleo.isOnline();
      await cleo.until(highest, (number) => number === 1, 'the first message');
    },
    testMsMax,
  );
});

interface Frame {
  readonly type: string;
  readonly entries: readonly { readonly content: { readonly type: string } }[];
}

/** What leaves and arrives from now on. */
function framesOf(page: Page) {
  const frames: { readonly up: Frame[]; readonly down: Frame[] } = { up: [], down: [] };
  const read = (payload: string | Buffer): Frame[] => [JSON.parse(String(payload)) as Frame | Frame[]].flat();
  page.on('websocket', (socket: WebSocket) => {
    socket.on('framesent', ({ payload }) => frames.up.push(...read(payload)));
    socket.on('framereceived', ({ payload }) => frames.down.push(...read(payload)));
  });
  return frames;
}

/** Runs in the page: the messages in its IndexedDB, as JSON. */
function keptMessages(userId: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(`hongyan.${userId}`);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const reading = opening.result.transaction('messages').objectStore('messages').getAll();
      reading.onerror = () => reject(reading.error);
      reading.onsuccess = () => {
        opening.result.close();
        resolve(JSON.stringify(reading.result));
      };
    };
  });
}
