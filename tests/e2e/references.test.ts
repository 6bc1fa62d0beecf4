// Answering a message, mentioning members, and pinned messages: what stands in the text, where it leads, and what others see.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import type { UserId } from '@hongyan/client';
import type { Seq } from '@hongyan/client/api';
import { openStage, type Stage } from './browser.ts';
import { Person } from './person.ts';

const testMsMax = 60_000;

const editor = (person: Person) => person.page.locator('.composer textarea');
const quoteOf = (person: Person, text: string) => person.bubble(text).locator('.quote');

describe('replies, mentions and pins in the web chat', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage('e2e-references');
  }, testMsMax);
  afterEach(() => stage.leave());
  afterAll(() => stage.end());

  test(
    '[E7] a reply shows what it answers, leads there however far it is, and follows its edits and its recall',
    async () => {
      const bob = await stage.client('bob');
      const ann = await Person.signUp(await stage.context(), stage.server.url, 'ann');
      const { conversationId } = await bob.createGroup({ title: 'Geese', members: ['ann' as UserId] });
      const first = await bob.send({ conversationId }, { type: 'text', text: 'Where do we meet?' });
      const fill = Array.from({ length: 150 }, (_, index) =>
        bob.send({ conversationId }, { type: 'text', text: `talk ${index}` }),
      );
      await Promise.all(fill);
      await ann.open('Geese');
      await ann.until(
        () => ann.page.locator('.message').count(),
        (count) => count > 3,
        'messages',
      );
      await ann.choose('talk 5', 'Reply');
      await ann.page.locator('.composer-bar').getByText('talk 5').waitFor();
      await ann.page.keyboard.press('Escape');
      expect(await ann.page.locator('.composer-bar').count()).toBe(0);
      await ann.choose('talk 5', 'Reply');
      await ann.write('as I said');
      await quoteOf(ann, 'as I said').getByText('talk 5').waitFor();

      const answer = { seq: first.seq as Seq };
      await bob.send({ conversationId }, { type: 'text', text: 'At the lake' }, { replyTo: answer });
      await quoteOf(ann, 'At the lake').getByText('Where do we meet?').waitFor();
      await bob.edit(conversationId, first.seq as Seq, { type: 'text', text: 'Where shall we meet?' });
      await quoteOf(ann, 'At the lake').getByText('Where shall we meet?').waitFor();
      await quoteOf(ann, 'At the lake').click();
      await ann.page.locator('.message[data-target=true]', { hasText: 'Where shall we meet?' }).waitFor();
      await bob.recall(conversationId, first.seq as Seq);
      await ann.page.getByRole('button', { name: /Jump to the newest/ }).click();
      await quoteOf(ann, 'At the lake').getByText('This message was recalled').waitFor();

      const { seq: secret } = await bob.send({ conversationId }, { type: 'text', text: 'a secret' });
      await ann.choose('a secret', 'Reply');
      await bob.recall(conversationId, secret as Seq);
      await ann.page.locator('.composer-bar').getByText('This message was recalled').waitFor();
      await ann.write('What was it?');
      await quoteOf(ann, 'What was it\\?').getByText('This message was recalled').waitFor();
    },
    testMsMax,
  );

  test(
    '[E7] a quote of a message from before one joined leads nowhere, and says so',
    async () => {
      const bob = await stage.client('bao');
      const ann = await Person.signUp(await stage.context(), stage.server.url, 'alma');
      const { conversationId } = await bob.createGroup({ title: 'Geese', members: [] });
      await bob.setRules(conversationId, { historyVisible: false });
      const { seq } = await bob.send({ conversationId }, { type: 'text', text: 'before you came' });
      await bob.addMember(conversationId, 'alma' as UserId);
      const talk = Array.from({ length: 130 }, (_, index) =>
        bob.send({ conversationId }, { type: 'text', text: `talk ${index}` }),
      );
      await Promise.all(talk);
      await ann.open('Geese');
      await ann.page.locator('.jump').click();
      const replyTo = { seq: seq as Seq };
      await bob.send({ conversationId }, { type: 'text', text: 'an answer' }, { replyTo });
      await quoteOf(ann, 'an answer').click();
      const note = ann.page.locator('.timeline-note', { hasText: 'That message is not available.' });
      await note.waitFor();
      expect(await ann.bubble('an answer').count()).toBe(1);
      await note.getByRole('button', { name: 'Dismiss' }).click();
      await note.waitFor({ state: 'detached' });
    },
    testMsMax,
  );

  test(
    '[E8] a member is mentioned by completion, by keyboard alone, sees the mark in the list and the word in the text',
    async () => {
      const bob = await stage.client('ben');
      const ann = await Person.signUp(await stage.context(), stage.server.url, 'amy');
      const cat = await Person.signUp(await stage.context(), stage.server.url, 'cid', 'Grey Goose');
      const members = ['amy', 'cid'] as UserId[];
      const { conversationId } = await bob.createGroup({ title: 'Geese', members });
      await bob.setRole(conversationId, 'amy' as UserId, 'admin');
      await ann.open('Geese');
      await editor(ann).pressSequentially('hello @goo');
      const list = ann.page.getByRole('listbox');
      await list.getByRole('option', { name: 'Grey Goose' }).waitFor();
      await ann.page.keyboard.press('Enter');
      expect(await editor(ann).inputValue()).toBe('hello @Grey Goose ');
      expect(await list.count()).toBe(0);
      await ann.page.keyboard.type('welcome');
      await ann.page.keyboard.press('Enter');
      await ann.bubble('hello @Grey Goose welcome').locator('.mention', { hasText: '@Grey Goose' }).waitFor();

      await cat.conversation('Geese').locator('.badge-mention').waitFor();
      await cat.open('Geese');
      const seen = cat.bubble('hello @Grey Goose welcome');
      await seen.waitFor();
      expect(await seen.getAttribute('data-mentions-me')).toBe('true');
      await cat.conversation('Geese').locator('.badge-mention').waitFor({ state: 'detached' });

      await cat.startChat('cid');
      await editor(ann).pressSequentially('written out, @cid it counts');
      await ann.page.keyboard.press('Enter');
      await ann.bubble('written out, @cid it counts').locator('.mention', { hasText: '@cid' }).waitFor();
      await cat.conversation('Geese').locator('.badge-mention').waitFor();
      await cat.open('Geese');

      await editor(ann).pressSequentially('@');
      await list.getByRole('option', { name: 'all', exact: true }).waitFor();
      await ann.page.keyboard.press('Escape');
      expect(await list.count()).toBe(0);
      await editor(cat).pressSequentially('@');
      await cat.page.getByRole('option', { name: 'Amy' }).waitFor();
      expect(await cat.page.getByRole('option', { name: 'all', exact: true }).count()).toBe(0);
    },
    testMsMax,
  );

  test(
    '[E7, E8] what a draft answers and mentions survives a reload, and a refusal',
    async () => {
      const bob = await stage.client('bil');
      const ann = await Person.signUp(await stage.context(), stage.server.url, 'ava');
      await Person.signUp(await stage.context(), stage.server.url, 'coe', 'Grey Goose');
      const members = ['ava', 'coe'] as UserId[];
      const { conversationId } = await bob.createGroup({ title: 'Geese', members });
      const { seq } = await bob.send({ conversationId }, { type: 'text', text: 'When do we meet?' });
      const newest = async () => (await bob.history({ conversationId, limit: 1 })).messages[0];
      await ann.open('Geese');
      await ann.choose('When do we meet\\?', 'Reply');
      await editor(ann).pressSequentially('@gre');
      await ann.page.getByRole('option', { name: 'Grey Goose' }).waitFor();
      await ann.page.keyboard.press('Enter');
      await ann.page.keyboard.type('at seven');
      await ann.page.reload();
      await ann.page.locator('.composer-bar').getByText('When do we meet?').waitFor();
      expect(await editor(ann).inputValue()).toBe('@Grey Goose at seven');

      await ann.page.context().setOffline(true);
      await ann.page.locator('.banner').waitFor();
      await editor(ann).press('Enter');
      await ann.sees('@Grey Goose at seven', 'queued');
      expect(await ann.page.locator('.composer-bar').count()).toBe(0);
      await bob.setRules(conversationId, { post: 'admins' });
      await ann.page.context().setOffline(false);
      const again = ann.page.locator('.failed').getByRole('button', { name: 'Edit again' });
      await again.waitFor();
      await bob.setRules(conversationId, { post: 'members' });
      await editor(ann).waitFor();
      await again.click();
      await ann.page.locator('.composer-bar').getByText('When do we meet?').waitFor();
      await editor(ann).press('Enter');
      await ann.sees('@Grey Goose at seven', 'ack');
      const message = await newest();
      expect<unknown>([message?.replyTo?.seq, message?.mentions]).toEqual([seq, ['coe']]);
    },
    testMsMax,
  );

  test(
    '[E8] of two members with one name both are mentioned',
    async () => {
      const bob = await stage.client('bud');
      const { url } = stage.server;
      const ann = await Person.signUp(await stage.context(), url, 'avi');
      for (const id of ['alexa1', 'alexb2']) await Person.signUp(await stage.context(), url, id, 'Alex');
      const members = ['avi', 'alexa1', 'alexb2'] as UserId[];
      const { conversationId } = await bob.createGroup({ title: 'Geese', members });
      await ann.open('Geese');
      for (const id of ['alexa1', 'alexb2']) {
        await editor(ann).pressSequentially('@alex');
        await ann.page.getByRole('option').filter({ hasText: id }).click();
      }
      expect(await editor(ann).inputValue()).toBe('@Alex @Alex ');
      await editor(ann).press('Enter');
      await ann.sees('@Alex @Alex', 'ack');
      const { messages } = await bob.history({ conversationId, limit: 1 });
      expect<unknown>(messages[0]?.mentions).toEqual(['alexa1', 'alexb2']);
    },
    testMsMax,
  );

  test(
    '[E9] a pinned message stands below the header for everyone, leads to its place, and is taken off the list',
    async () => {
      const bob = await stage.client('bea');
      const ann = await Person.signUp(await stage.context(), stage.server.url, 'ada');
      await ann.startChat('bea');
      await ann.write('Lake, 7 pm');
      await ann.write('Bring bread');
      await ann.sees('Bring bread', 'delivered');
      await ann.choose('Lake, 7 pm', 'Pin');
      const pinned = ann.page.locator('.pinned-bar');
      await pinned.getByText('Lake, 7 pm').waitFor();
      const conversation = bob.conversations()[0];
      const second = (await bob.history({ conversationId: conversation?.conversationId as never })).messages.at(-1);
      await bob.pin(conversation?.conversationId as never, second?.seq as Seq, true);
      await pinned.getByText('Bring bread').waitFor();
      await pinned.getByRole('button', { name: '2 pinned' }).click();
      const dialog = ann.page.getByRole('dialog', { name: 'Pinned messages' });
      await dialog.getByText('Lake, 7 pm').click();
      await ann.page.locator('.message[data-target=true]', { hasText: 'Lake, 7 pm' }).waitFor();
      await pinned.getByRole('button', { name: '2 pinned' }).click();
      await dialog.locator('li', { hasText: 'Bring bread' }).getByRole('button', { name: 'Unpin' }).click();
      await dialog.locator('li', { hasText: 'Bring bread' }).waitFor({ state: 'detached' });
      await ann.page.keyboard.press('Escape');
      await ann.page.reload();
      await pinned.getByText('Lake, 7 pm').waitFor();
      await ann.choose('Lake, 7 pm', 'Unpin');
      await pinned.waitFor({ state: 'detached' });
    },
    testMsMax,
  );

  test(
    '[E10] administrators make a group quiet, and its members see it at once',
    async () => {
      const bob = await stage.client('bo');
      const ann = await Person.signUp(await stage.context(), stage.server.url, 'abe');
      const cat = await Person.signUp(await stage.context(), stage.server.url, 'cam');
      const { conversationId } = await bob.createGroup({ title: 'Geese', members: ['abe', 'cam'] as UserId[] });
      await bob.setRole(conversationId, 'abe' as UserId, 'admin');
      await cat.open('Geese');
      await ann.open('Geese');
      await ann.page.getByRole('button', { name: 'Group info' }).click();
      const post = ann.page.getByRole('group', { name: 'Write' });
      await post.getByText('Admins').click();
      await cat.page.getByText('Only the owner and admins write here.').waitFor();
      await post.getByText('Everyone').click();
      await editor(cat).waitFor();
    },
    testMsMax,
  );
});
