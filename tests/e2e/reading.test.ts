// What counts as read: only what stood on the screen of a visible page, and reading starts at the first unread message.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import type { Client, ConversationId, Seq, UserId } from '@hongyan/client';
import { openStage, type Stage } from './browser.ts';
import { Person } from './person.ts';

const testMsMax = 60_000;

describe('reading in the web chat', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage('e2e-reading');
  }, testMsMax);
  afterEach(() => stage.leave());
  afterAll(() => stage.end());

  const say = async (from: Client, to: string, texts: readonly string[]) => {
    for (const text of texts) await from.send({ conversationId: to as ConversationId }, { type: 'text', text });
  };
  const numbered = (count: number, from = 1) => Array.from({ length: count }, (_, index) => `message ${from + index}`);

  async function readSeqOf(witness: Client, conversationId: string, userId: string): Promise<number> {
    const members = await witness.members(conversationId as ConversationId);
    return members.find((member) => member.userId === userId)?.readSeq ?? 0;
  }

  /** The server's read position becomes the last message whose end is on the screen, and not one further. */
  async function readsWhatIsShown(reader: Person, witness: Client, conversationId: string): Promise<number> {
    await reader.page.locator('.messages-scroll[data-placed=true] .message').first().waitFor();
    const both = async () => ({
      shown: await reader.lastShownSeq(),
      read: await readSeqOf(witness, conversationId, reader.userId),
    });
    const { shown } = await reader.until(both, ({ shown, read }) => shown === read, 'read up to the last one shown');
    return shown;
  }

  test(
    '40 unread: opens at the first of them, below a line, and reports those alone that were shown',
    async () => {
      const [cleo, dora] = [await stage.client('cleo'), await stage.client('dora')];
      const id = 'd:cleo:dora';
      await say(dora, id, numbered(8));
      await cleo.connect();
      cleo.markRead(id as ConversationId, 8 as Seq);
      await cleo.close();
      await say(dora, id, numbered(40, 9));

      const reader = await Person.signIn(await stage.context(), stage.server.url, 'cleo');
      await reader.open('dora');
      expect(await reader.textBelowUnreadLine()).toBe('message 9');
      await reader.page.locator('.jump').waitFor();
      const shown = await readsWhatIsShown(reader, dora, id);
      expect(shown).toBeGreaterThan(9);
      expect(shown).toBeLessThan(48);
      await reader.page.locator('.jump .badge', { hasText: `${48 - shown}` }).waitFor();

      await reader.page.locator('.messages-scroll').evaluate((list) => list.scrollBy(0, 200));
      await reader.until(
        () => readsWhatIsShown(reader, dora, id),
        (seq) => seq > shown && seq < 48,
        'a few more to be read',
      );
      await reader.page.locator('.jump').click();
      await reader.page.locator('.jump').waitFor({ state: 'detached' });
      await reader.until(
        () => readsWhatIsShown(reader, dora, id),
        (seq) => seq === 48,
        'all read',
      );
    },
    testMsMax,
  );

  test.each([30, 200])(
    '%d unread in a new conversation: opens at its first message, with the line above it',
    async (count) => {
      const [to, from] = [`eve${count}`, `finn${count}`];
      const [, writer] = [await stage.client(to), await stage.client(from)];
      const id = `d:${to}:${from}`;
      await say(writer, id, numbered(count));
      const reader = await Person.signIn(await stage.context(), stage.server.url, to);
      await reader.open(from);
      expect(await reader.textBelowUnreadLine()).toBe('message 1');
      expect((await reader.shownTexts())[0]).toBe('message 1');
      const shown = await readsWhatIsShown(reader, writer, id);
      expect(shown).toBeLessThan(30);
      await reader.page.locator('.jump .badge', { hasText: `${count - shown}` }).waitFor();

      await reader.page.locator('.jump').click();
      await reader.until(
        () => readsWhatIsShown(reader, writer, id),
        (seq) => seq === count,
        'all read',
      );
    },
    testMsMax,
  );

  test(
    'three unread that all fit on the screen are read at once, and new ones at the end as they come',
    async () => {
      const [, hal] = [await stage.client('gus'), await stage.client('hal')];
      await say(hal, 'd:gus:hal', numbered(3));
      const reader = await Person.signIn(await stage.context(), stage.server.url, 'gus');
      await reader.open('hal');
      expect(await readsWhatIsShown(reader, hal, 'd:gus:hal')).toBe(3);
      await say(hal, 'd:gus:hal', numbered(30, 4));
      await reader.until(
        () => readsWhatIsShown(reader, hal, 'd:gus:hal'),
        (seq) => seq === 33,
        'all read',
      );
    },
    testMsMax,
  );

  test(
    'a reload with the conversation open starts at the first message that came meanwhile',
    async () => {
      const [, joe] = [await stage.client('ivy'), await stage.client('joe')];
      await say(joe, 'd:ivy:joe', numbered(2));
      const reader = await Person.signIn(await stage.context(), stage.server.url, 'ivy');
      await reader.open('joe');
      await readsWhatIsShown(reader, joe, 'd:ivy:joe');
      const address = reader.page.url();
      await reader.page.goto('about:blank');
      await say(joe, 'd:ivy:joe', numbered(40, 3));
      await reader.page.goto(address);
      await reader.page.locator('.messages-scroll[data-placed=true] .message').first().waitFor();
      // What the page kept last may be from before it had reported what was read.
      await reader.until(
        () => reader.textBelowUnreadLine(),
        (text) => text === 'message 3',
        'the first message that came meanwhile',
      );
      expect(await readsWhatIsShown(reader, joe, 'd:ivy:joe')).toBeLessThan(42);
    },
    testMsMax,
  );

  test(
    'a hidden page reads nothing; shown again it starts at what came meanwhile',
    async () => {
      const [, lou] = [await stage.client('kit'), await stage.client('lou')];
      await say(lou, 'd:kit:lou', numbered(5));
      const reader = await Person.signIn(await stage.context(), stage.server.url, 'kit');
      await reader.open('lou');
      expect(await readsWhatIsShown(reader, lou, 'd:kit:lou')).toBe(5);
      await reader.setVisible(false);
      await say(lou, 'd:kit:lou', numbered(40, 6));
      await reader.until(
        () => reader.page.title(),
        (title) => title === '(40) Hongyan',
        'the page to know of 40 more',
      );
      expect(await readSeqOf(lou, 'd:kit:lou', 'kit')).toBe(5);
      await reader.setVisible(true);
      expect(await reader.textBelowUnreadLine()).toBe('message 6');
      expect(await readsWhatIsShown(reader, lou, 'd:kit:lou')).toBeLessThan(45);
    },
    testMsMax,
  );

  /** Bob has written 150 messages to a group, and pinned one. Ann has opened it, and seen the first of them. */
  async function beforeManyUnread(ann: string, bob: string, pinnedSeq: number) {
    const [, writer] = [await stage.client(ann), await stage.client(bob)];
    const { conversationId } = await writer.createGroup({ title: 'Geese', members: [ann as UserId] });
    await Promise.all(numbered(150).map((text) => writer.send({ conversationId }, { type: 'text', text })));
    await writer.pin(conversationId, pinnedSeq as Seq, true);
    const reader = await Person.signIn(await stage.context(), stage.server.url, ann);
    await reader.open('Geese');
    const shown = await readsWhatIsShown(reader, writer, conversationId);
    expect(shown).toBeLessThan(40);
    const read = () => readSeqOf(writer, conversationId, ann);
    return { reader, writer, conversationId, shown, read };
  }

  /** Its mark lasts far longer than the page needs to see that a message stands still. */
  async function jumpToPinned({ page }: Person): Promise<void> {
    await page.locator('.pinned-bar').getByText('message').click();
    await page.locator('.message[data-target=true]').waitFor();
  }
  const standsStill = ({ page }: Person) => page.locator('.message[data-target=true]').waitFor({ state: 'detached' });

  /** From where the first unread message is in view, reading goes on. */
  async function goesBackAndReads(reader: Person, writer: Client, conversationId: string): Promise<void> {
    const { page } = reader;
    const first = reader.bubble('message 1');
    const atTop = async () => {
      await page.locator('.messages-scroll').evaluate((list) => list.scrollTo(0, 0));
      return (await first.count()) > 0;
    };
    await reader.until(atTop, (isThere) => isThere, 'the beginning');
    await page.locator('.messages-scroll').evaluate((list) => list.scrollTo(0, list.clientHeight));
    await reader.until(
      () => readsWhatIsShown(reader, writer, conversationId),
      (seq) => seq > 20,
      'a few more to be read',
    );
  }

  test(
    '[E3] a jump to a pinned message reads nothing, until the reader comes to the first unread one or skips the rest',
    async () => {
      const { reader, writer, conversationId, shown, read } = await beforeManyUnread('mia', 'ned', 121);
      await jumpToPinned(reader);
      await standsStill(reader);
      expect(await read()).toBe(shown);
      await goesBackAndReads(reader, writer, conversationId);
      expect(await read()).toBeLessThan(100);
      await jumpToPinned(reader);
      await reader.page.locator('.jump').click();
      await reader.until(read, (seq) => seq >= 151, 'all read');
    },
    testMsMax,
  );

  test(
    '[E3] writing leads to the end and leaves the read position where it is, also where the conversation is opened again',
    async () => {
      const { reader, writer, conversationId, shown, read } = await beforeManyUnread('ola', 'pia', 149);
      await jumpToPinned(reader);
      await reader.write('on my way');
      await reader.sees('on my way', 'delivered');
      await standsStill(reader);
      expect(await read()).toBe(shown);
      await reader.startChat('pia');
      await reader.open('Geese');
      await jumpToPinned(reader);
      await standsStill(reader);
      expect(await read()).toBe(shown);
      await goesBackAndReads(reader, writer, conversationId);
      expect(await read()).toBeLessThan(100);
    },
    testMsMax,
  );

  test.each([360, 1280])(
    'behind an open dialog nothing is read, on a screen of %d px; once it is closed, what is shown is',
    async (width) => {
      const [ann, bob] = [`rae${width}`, `sam${width}`];
      const [, writer] = [await stage.client(ann), await stage.client(bob)];
      const { conversationId } = await writer.createGroup({ title: 'Geese', members: [ann as UserId] });
      await say(writer, conversationId, numbered(3));
      const context = await stage.context({ viewport: { width, height: 640 } });
      const reader = await Person.signIn(context, stage.server.url, ann);
      await reader.open('Geese');
      const read = await readsWhatIsShown(reader, writer, conversationId);
      await writer.pin(conversationId, read as Seq, true);
      await jumpToPinned(reader);
      await reader.page.getByRole('button', { name: 'Group info' }).click();
      await reader.page.getByRole('dialog').waitFor();
      const { seq } = await writer.send({ conversationId }, { type: 'text', text: 'behind it' });
      await reader.bubble('behind it').waitFor({ state: 'attached' });
      await standsStill(reader);
      expect(await readSeqOf(writer, conversationId, ann)).toBe(read);
      await reader.page.keyboard.press('Escape');
      await reader.until(
        () => readSeqOf(writer, conversationId, ann),
        (at) => at === seq,
        'what is shown to be read',
      );
    },
    testMsMax,
  );
});
