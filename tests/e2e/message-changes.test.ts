// Changing a message that is there: editing, recalling, reacting, and who has read it or reacted to it.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import type { Client, UserId } from '@hongyan/client';
import type { ConversationId, Seq } from '@hongyan/client/api';
import { openStage, type Stage } from './browser.ts';
import { Person } from './person.ts';

const testMsMax = 60_000;

const editor = (person: Person) => person.page.locator('.composer textarea');
const bar = (person: Person) => person.page.locator('.composer-bar');
const said = async (client: Client, conversationId: ConversationId, text: string): Promise<Seq> =>
  (await client.send({ conversationId }, { type: 'text', text })).seq as Seq;

const holds = (person: Person, value: string) =>
  person.until(
    () => editor(person).inputValue(),
    (now) => now === value,
    `the composer to hold ${value}`,
  );

describe('changes of messages in the web chat', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage('e2e-message-changes');
  }, testMsMax);
  afterEach(() => stage.leave());
  afterAll(() => stage.end());

  test(
    '[E4] an own message is edited from its menu or by ArrowUp; Escape gives the draft back',
    async () => {
      const bob = await stage.client('bob');
      const ann = await Person.signUp(await stage.context(), stage.server.url, 'ann');
      await ann.startChat('bob');
      await ann.write('frist');
      await ann.sees('frist', 'delivered');
      await said(bob, 'd:ann:bob' as ConversationId, 'from bob');
      await ann.sees('from bob');
      await editor(ann).fill('a draft');

      await ann.bubble('from bob').click({ button: 'right' });
      await ann.page.getByRole('menu').waitFor();
      expect(await ann.page.getByRole('menuitem', { name: 'Edit', exact: true }).count()).toBe(0);
      await ann.page.keyboard.press('Escape');

      await ann.choose('frist', 'Edit');
      await bar(ann).getByText('frist').waitFor();
      expect(await ann.bubble('frist').getAttribute('data-editing')).toBe('true');
      await holds(ann, 'frist');
      await ann.until(
        () =>
          editor(ann).evaluate((area: HTMLTextAreaElement) => document.activeElement === area && area.selectionStart),
        (at) => at === 5,
        'the caret at the end of the text',
      );
      await ann.page.keyboard.press('Escape');
      await bar(ann).waitFor({ state: 'detached' });
      expect(await editor(ann).inputValue()).toBe('a draft');
      expect(await ann.page.locator('.pane[data-id]').count()).toBe(1);

      await editor(ann).fill('');
      await editor(ann).press('ArrowUp');
      await holds(ann, 'frist');
      await ann.page.keyboard.press('Enter');
      await bar(ann).waitFor({ state: 'detached' });
      expect(await ann.bubble('frist').locator('.edited').count()).toBe(0);

      await editor(ann).press('ArrowUp');
      await holds(ann, 'frist');
      await editor(ann).fill('first');
      await ann.page.getByRole('button', { name: 'Save changes' }).click();
      await ann.bubble('first').locator('.edited').waitFor();
      await ann.until(
        async () => bob.conversation('d:ann:bob' as ConversationId)?.lastSeq,
        (seq) => seq === 3,
        'one edit and no more',
      );
      expect(await editor(ann).inputValue()).toBe('');
    },
    testMsMax,
  );

  test(
    '[E4] the text of an edit that was not saved comes back after a reply, after Escape and after a reload',
    async () => {
      await stage.client('bel');
      const ann = await Person.signUp(await stage.context(), stage.server.url, 'ana');
      await ann.startChat('bel');
      for (const text of ['first', 'second']) {
        await ann.write(text);
        await ann.sees(text, 'delivered');
      }
      await ann.choose('first', 'Edit');
      await editor(ann).fill('careful words');
      await ann.choose('second', 'Reply');
      await holds(ann, '');
      await ann.write('an answer');
      await ann.sees('an answer', 'delivered');
      await ann.choose('first', 'Edit');
      await holds(ann, 'careful words');
      await ann.page.reload();
      await bar(ann).getByText('first').waitFor();
      await holds(ann, 'careful words');
      await editor(ann).press('Escape');
      await holds(ann, '');
      await ann.choose('second', 'Edit');
      await holds(ann, 'second');
      await ann.choose('first', 'Edit');
      await holds(ann, 'careful words');
      await editor(ann).press('Enter');
      await ann.bubble('careful words').locator('.edited').waitFor();
      await holds(ann, '');
    },
    testMsMax,
  );

  test(
    '[E4][C4] an edit made offline is saved later; one that came too late says so and keeps its text',
    async () => {
      const other = await stage.client('cleo');
      const context = await stage.context();
      const cleo = await Person.signIn(context, stage.server.url, 'cleo');
      await cleo.startChat('cleo');
      const id = 'd:cleo:cleo' as ConversationId;
      await cleo.write('one');
      await cleo.sees('one', 'ack');
      await context.setOffline(true);
      await cleo.page.locator('.banner').waitFor();
      await editor(cleo).press('ArrowUp');
      await holds(cleo, 'one');
      await editor(cleo).fill('one, offline');
      await cleo.page.keyboard.press('Enter');
      await cleo.bubble('one, offline').waitFor();
      await cleo.page.getByText('1 message waiting').waitFor();
      await context.setOffline(false);
      await cleo.isOnline();
      await cleo.until(
        async () => (await other.history({ conversationId: id })).messages[0]?.content.text,
        (text) => text === 'one, offline',
        'the edit at another device',
      );

      await context.setOffline(true);
      await cleo.page.locator('.banner').waitFor();
      await editor(cleo).press('ArrowUp');
      await holds(cleo, 'one, offline');
      await editor(cleo).fill('mine');
      await cleo.page.keyboard.press('Enter');
      await other.edit(id, 1 as Seq, { type: 'text', text: 'theirs' });
      await context.setOffline(false);
      const refused = cleo.page.locator('.refused');
      await refused.getByText('changed on another device meanwhile').waitFor();
      await cleo.bubble('theirs').waitFor();
      await refused.getByText('mine').waitFor();
      await refused.getByRole('button', { name: 'Edit again' }).click();
      await bar(cleo).getByText('theirs').waitFor();
      await holds(cleo, 'mine');
      await cleo.page.keyboard.press('Enter');
      await cleo.bubble('mine').waitFor();
      expect(await refused.count()).toBe(0);
    },
    testMsMax,
  );

  test(
    '[E5] a recall is asked about in a dialog, and leaves a menu without dead ends',
    async () => {
      const bob = await stage.client('bob');
      const dan = await Person.signUp(await stage.context(), stage.server.url, 'dan');
      await dan.startChat('bob');
      await dan.write('a secret');
      await dan.sees('a secret', 'delivered');
      const focused = () => dan.page.evaluate(() => document.activeElement?.textContent ?? '');

      await editor(dan).focus();
      await dan.page.keyboard.press('Shift+Tab');
      await dan.page.keyboard.press('ArrowUp');
      await dan.page.keyboard.press('Enter');
      await dan.page.getByRole('menuitem', { name: 'Recall', exact: true }).focus();
      await dan.page.keyboard.press('Enter');
      await dan.page.getByRole('dialog', { name: 'Recall this message?' }).waitFor();
      await dan.until(focused, (text) => text === 'Cancel', 'the focus on the harmless button');
      await dan.page.keyboard.press('Escape');
      await dan.page.locator('dialog').waitFor({ state: 'detached' });
      await dan.until(focused, (text) => text.includes('a secret'), 'the focus back on the message');
      await dan.sees('a secret');

      await dan.choose('a secret', 'Recall');
      await dan.page.getByText('cannot be brought back').waitFor();
      await dan.page.locator('.confirm').getByRole('button', { name: 'Recall' }).click();
      const recalled = dan.page.locator('.message[data-recalled=true]');
      await recalled.waitFor();
      await recalled.click({ button: 'right' });
      await dan.page.getByRole('menuitem').first().waitFor();
      expect(await dan.page.getByRole('menuitem').allTextContents()).toEqual(['Message info']);
      await dan.until(
        async () => bob.conversation('d:bob:dan' as ConversationId)?.lastMessage?.isRecalled,
        (isRecalled) => isRecalled === true,
        'the recall at the other',
      );
    },
    testMsMax,
  );

  test(
    '[E6] who reacted is shown by the secondary button, by holding and by keyboard, as it is now',
    async () => {
      const [fay, gus] = await Promise.all([stage.client('fay'), stage.client('gus'), stage.client('eve')]);
      const members = ['eve', 'gus'] as UserId[];
      const { conversationId: id } = await fay.createGroup({ title: 'Reactors', members });
      const seq = await said(fay, id, 'react to me');
      await fay.react(id, seq, '👍', 'add');
      await gus.react(id, seq, '🎉', 'add');
      const eve = await Person.signIn(await stage.context(), stage.server.url, 'eve');
      await eve.open('Reactors');
      const chip = eve.bubble('react to me').locator('.reaction', { hasText: '👍' });
      const dialog = eve.page.getByRole('dialog', { name: 'Reactions' });
      const people = dialog.getByRole('list').getByRole('listitem');
      const names = (wanted: string) =>
        eve.until(
          async () => (await people.allTextContents()).join(' '),
          (text) => text === wanted,
          `the people ${wanted}`,
        );

      await chip.click({ button: 'right' });
      await names('Ffay👍');
      await gus.react(id, seq, '👍', 'add');
      await names('Ffay👍 Ggus👍 🎉');
      await dialog.getByText('👍 2').waitFor();
      await gus.react(id, seq, '👍', 'remove');
      await names('Ffay👍');
      await dialog.getByText('All').click();
      await names('Ffay👍 Ggus🎉');
      await eve.page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });

      const box = await chip.boundingBox();
      if (!box) throw new Error('the reaction has a place');
      await eve.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
      await eve.page.mouse.down();
      await dialog.waitFor();
      await eve.page.mouse.up();
      await eve.page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      const finger = await eve.page.context().newCDPSession(eve.page);
      const at = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
      await finger.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [at] });
      await dialog.waitFor();
      await finger.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
      await eve.page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      expect(await chip.getAttribute('aria-pressed')).toBe('false');
      await chip.click();
      await eve.until(
        () => chip.getAttribute('aria-pressed'),
        (pressed) => pressed === 'true',
        'a short press to react',
      );
      await chip.click();
      await eve.until(
        () => chip.getAttribute('aria-pressed'),
        (pressed) => pressed === 'false',
        'another to take it back',
      );

      await chip.focus();
      await eve.page.keyboard.press('Shift+F10');
      await names('Ffay👍');
      await eve.page.keyboard.press('Escape');
      await eve.choose('react to me', 'Reactions');
      await names('Ffay👍 Ggus🎉');
    },
    testMsMax,
  );

  test(
    'who has read a message and who has received it are listed page by page, and follow the receipts',
    async () => {
      const ids = Array.from({ length: 54 }, (_, index) => `m${String(index).padStart(2, '0')}`);
      const members = await Promise.all(ids.map((userId) => stage.client(userId)));
      const hal = await Person.signUp(await stage.context(), stage.server.url, 'hal');
      const owner = await stage.client('hal');
      const { conversationId } = await owner.createGroup({ title: 'Crowd', members: ids as UserId[] });
      await hal.open('Crowd');
      await hal.write('hear me');
      await hal.sees('hear me', 'delivered');
      await hal.choose('hear me', 'Message info');
      const dialog = hal.page.getByRole('dialog', { name: 'Message info' });
      await dialog.getByText('Delivered to 54 of 54, read by 0 of 54').waitFor();
      const list = dialog.getByRole('list', { name: 'Delivered to' });
      await list.locator('.person').nth(49).waitFor();
      expect(await list.locator('.person').count()).toBe(50);
      await dialog.getByRole('button', { name: 'Show 4 more' }).click();
      await list.locator('.person').nth(53).waitFor();
      expect(await dialog.getByRole('button', { name: /^Show/ }).count()).toBe(0);

      await dialog.getByText('Read 0', { exact: true }).click();
      await dialog.getByText('Not read by anyone yet').waitFor();
      const seq = owner.conversation(conversationId)?.lastSeq as Seq;
      members[7]?.markRead(conversationId, seq);
      await dialog.getByRole('list', { name: 'Read by' }).locator('.person', { hasText: 'm07' }).waitFor();
      await dialog.getByText('read by 1 of 54').waitFor();
    },
    testMsMax,
  );
});

describe('a server that takes no edits', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage('e2e-no-edits', ['--edit-window-s', '0']);
  }, testMsMax);
  afterEach(() => stage.leave());
  afterAll(() => stage.end());

  test(
    '[E4] an edit that is too late is refused in words, and its text can be sent as a new message',
    async () => {
      await stage.client('ida');
      const ida = await Person.signIn(await stage.context(), stage.server.url, 'ida');
      await ida.startChat('ida');
      await ida.write('old');
      await ida.sees('old', 'ack');
      await editor(ida).press('ArrowUp');
      await holds(ida, 'old');
      await editor(ida).fill('new');
      await ida.page.keyboard.press('Enter');
      const refused = ida.page.locator('.refused');
      await refused.getByText('the time for editing this message is over').waitFor();
      await ida.sees('old');
      await refused.getByRole('button', { name: 'Use as a new message' }).click();
      await refused.waitFor({ state: 'detached' });
      expect(await editor(ida).inputValue()).toBe('new');
    },
    testMsMax,
  );
});
