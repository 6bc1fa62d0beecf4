// Inside a conversation: the menu by keyboard, the limit of a message, groups and broadcasts, names that turn the line.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import type { UserId } from '@hongyan/client';
import type { ConversationId, Seq } from '@hongyan/client/api';
import { openStage, password, type Stage } from './browser.ts';
import { Person } from './person.ts';

const testMsMax = 60_000;

describe('a conversation in the web chat', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage('e2e-conversation');
  }, testMsMax);
  afterEach(() => stage.leave());
  afterAll(() => stage.end());

  const group = async (kind: 'group' | 'broadcast', owner: string, others: readonly string[], title: string) => {
    const [client] = await Promise.all([owner, ...others].map((userId) => stage.client(userId)));
    if (!client) throw new Error('the owner has a client');
    const { conversationId } = await client.createGroup({ kind, title, members: others as readonly UserId[] });
    return { client, conversationId };
  };

  test(
    'the menu of a message opens by keyboard, and one key press does one thing',
    async () => {
      await stage.client('ann');
      const context = await stage.context();
      await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: stage.server.url });
      const { page, ...ann } = await Person.signIn(context, stage.server.url, 'ann');
      const person = new Person(page, ann.userId);
      await person.startChat('ann');
      await person.write('copy me');
      await person.sees('copy me', 'ack');
      const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
      await page.evaluate(() => navigator.clipboard.writeText('before'));

      await page.locator('.composer textarea').focus();
      await page.keyboard.press('Shift+Tab');
      await page.keyboard.press('ArrowUp');
      await page.keyboard.press('Enter');
      await page.getByRole('menuitem', { name: 'Copy text' }).waitFor();
      expect(await clipboard()).toBe('before');
      await page.keyboard.press('Escape');
      await page.getByRole('menu').waitFor({ state: 'detached' });

      const chooseByArrows = async (name: string) => {
        await page.keyboard.press('Enter');
        await page.getByRole('menuitem', { name }).waitFor();
        const names = await page.getByRole('menuitem').allTextContents();
        for (let at = 0; at < names.indexOf(name); at++) await page.keyboard.press('ArrowDown');
        await page.keyboard.press('Enter');
      };
      await chooseByArrows('Copy text');
      await page.getByRole('menu').waitFor({ state: 'detached' });
      await person.until(clipboard, (text) => text === 'copy me', 'the text to be copied');

      await chooseByArrows('Message info');
      await page.locator('dialog', { hasText: 'Message info' }).waitFor();
      await page.keyboard.press('Escape');
      await page.locator('dialog').waitFor({ state: 'detached' });
    },
    testMsMax,
  );

  test(
    'the limit of a message is shown before it is sent, and nothing is lost',
    async () => {
      await stage.client('ben');
      const ben = await Person.signIn(await stage.context(), stage.server.url, 'ben');
      await ben.startChat('ben');
      const box = ben.page.locator('.composer textarea');
      await box.fill('鸿'.repeat(12_000));
      await ben.page.getByText('Too long by 1086 characters').waitFor();
      await box.press('Enter');
      expect(await ben.page.getByRole('button', { name: 'Send' }).isDisabled()).toBe(true);
      expect(await box.inputValue()).toHaveLength(12_000);
      await box.fill('鸿'.repeat(10_900));
      await ben.page.getByText('14 characters left').waitFor();
      await box.press('Enter');
      await ben.page.locator('.mark[data-mark=ack]').first().waitFor();
    },
    testMsMax,
  );

  test(
    'a member who is removed while reading is told so',
    async () => {
      const { client, conversationId } = await group('group', 'cleo', ['dora'], 'Climbers');
      const dora = await Person.signIn(await stage.context(), stage.server.url, 'dora');
      await dora.open('Climbers');
      await client.removeMember(conversationId, 'dora' as UserId);
      await dora.page.getByText('You are no longer a member of “Climbers”.').waitFor();
      expect(await dora.page.locator('.pane[data-id]').count()).toBe(0);
    },
    testMsMax,
  );

  test(
    'going back passes a conversation that closed itself',
    async () => {
      const { client, conversationId } = await group('group', 'cleo', ['dora'], 'Divers');
      await client.send({ to: 'dora' as UserId }, { type: 'text', text: 'between us' });
      const dora = await Person.signIn(await stage.context(), stage.server.url, 'dora');
      await dora.open('cleo');
      await dora.open('Divers');
      await client.removeMember(conversationId, 'dora' as UserId);
      await dora.page.getByText('You are no longer a member of “Divers”.').waitFor();
      await dora.page.goBack();
      await dora.bubble('between us').waitFor();
      await dora.page.goBack();
      await dora.page.locator('.nothing-open').waitFor();
    },
    testMsMax,
  );

  test(
    'readers of a broadcast have no composer but the reason, its owner has one',
    async () => {
      const { client, conversationId } = await group('broadcast', 'eve', ['finn'], 'News');
      await client.send({ conversationId }, { type: 'text', text: 'first news' });
      const finn = await Person.signIn(await stage.context(), stage.server.url, 'finn');
      await finn.open('News');
      await finn.page.getByText('Only the owner and admins write here.').waitFor();
      expect(await finn.page.locator('.composer').count()).toBe(0);
      await client.close();
      const eve = await Person.signIn(await stage.context(), stage.server.url, 'eve');
      await eve.open('News');
      await eve.write('second news');
      await finn.sees('second news');
    },
    testMsMax,
  );

  test(
    'the owner is asked before a member is removed',
    async () => {
      const { client } = await group('group', 'gus', ['hal'], 'Hikers');
      await client.close();
      const gus = await Person.signIn(await stage.context(), stage.server.url, 'gus');
      await gus.open('Hikers');
      await gus.page.getByRole('button', { name: 'Group info' }).click();
      const remove = async () => {
        await gus.page.getByRole('button', { name: 'Actions for hal' }).click();
        await gus.page.getByRole('menuitem', { name: 'Remove from the group' }).click();
      };
      await remove();
      await gus.page.locator('.confirm').getByRole('button', { name: 'Cancel' }).click();
      await remove();
      await gus.page.locator('.confirm').getByRole('button', { name: 'Remove' }).click();
      await gus.page.locator('dialog h3', { hasText: '1 member' }).waitFor();
    },
    testMsMax,
  );

  test(
    'the search for members is empty again after a pick',
    async () => {
      await Promise.all([stage.client('ida'), stage.client('jay'), stage.client('kai')]);
      const ida = await Person.signIn(await stage.context(), stage.server.url, 'ida');
      await ida.page.locator('.sidebar-head').getByRole('button', { name: 'New group' }).click();
      const search = ida.page.locator('dialog .search input');
      for (const other of ['jay', 'kai']) {
        await search.pressSequentially(other);
        await ida.page.locator('dialog button.person', { hasText: other }).click();
        expect(await search.inputValue()).toBe('');
      }
      expect(await ida.page.locator('dialog .picked li').count()).toBe(2);
    },
    testMsMax,
  );

  test(
    'a name written from right to left turns nothing but itself',
    async () => {
      const hebrew = 'אבג';
      const lea = await Person.signUp(await stage.context(), stage.server.url, 'lea', hebrew);
      const { client, conversationId } = await group('group', 'max', ['lea'], 'team');
      await lea.open('team');
      await lea.write('1 abc');
      await lea.sees('1 abc');
      await client.close();
      const max = await Person.signIn(await stage.context(), stage.server.url, 'max');
      const snippet = max.page.locator(`.conversation[data-id="${conversationId}"] .snippet`);
      await snippet.getByText('1 abc').waitFor();
      const [name, text] = await snippet.evaluate((line) =>
        [...line.querySelectorAll('bdi')].map((one) => one.getBoundingClientRect().left),
      );
      expect(name).toBeLessThan(text ?? 0);
      await max.open('team');
      await max.page.locator('.system bdi', { hasText: hebrew }).waitFor();
      await max.startChat('lea');
      const [item, title] = await max.conversation(hebrew).evaluate((row) => {
        const place = row.querySelector('.conversation-title');
        const words = document.createRange();
        if (place) words.selectNodeContents(place.querySelector('bdi') ?? place);
        return [place?.getBoundingClientRect().left ?? 0, words.getBoundingClientRect().left];
      });
      expect(title).toBeCloseTo(item ?? 0, 0);
    },
    testMsMax,
  );

  test(
    'a long name without a space stays within the messages of a phone',
    async () => {
      const longName = 'N'.repeat(64);
      const lou = await Person.signUp(await stage.context(), stage.server.url, 'lou', longName);
      const { client } = await group('group', 'moe', ['lou'], 'crew');
      await lou.open('crew');
      await lou.write('hello');
      await lou.sees('hello', 'delivered');
      await client.close();
      const moe = await Person.signIn(
        await stage.context({ viewport: { width: 360, height: 640 } }),
        stage.server.url,
        'moe',
      );
      await moe.open('crew');
      for (const place of ['.message-sender', '.system span']) {
        const box = await moe.page.locator(place, { hasText: longName }).boundingBox();
        expect(box?.x).toBeGreaterThanOrEqual(0);
        expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(360);
      }
    },
    testMsMax,
  );

  test(
    'a message of emoji alone keeps its lines',
    async () => {
      const max = await Person.signUp(await stage.context(), stage.server.url, 'maxine');
      await max.startChat('maxine');
      await max.write('😀\n🎉');
      expect(await max.page.locator('.text-emoji').innerText()).toBe('😀\n🎉');
    },
    testMsMax,
  );

  test(
    'whoever has no conversation yet finds labelled buttons and how to try it alone',
    async () => {
      await stage.client('nia');
      await (await stage.client('nina')).createDirect('nia' as UserId); // who opened a chat has not written yet
      const nia = await Person.signIn(await stage.context(), stage.server.url, 'nia');
      await nia.page.locator('.nothing-open', { hasText: 'private window' }).waitFor();
      await nia.page.locator('.nothing-open').getByRole('button', { name: 'New chat' }).click();
      const dialog = nia.page.locator('dialog', { hasText: 'New chat' });
      await dialog.waitFor();
      await nia.page.keyboard.type('bo');
      expect(await dialog.locator('input').inputValue()).toBe('bo');
    },
    testMsMax,
  );

  test(
    'a conversation is read by its menu; the name of a group opens its info, whose title and way out stay in view',
    async () => {
      const { client, conversationId } = await group('group', 'tom', ['tess'], 'Readers');
      await client.send({ conversationId }, { type: 'card', text: 'The text of a card' });
      const tess = await Person.signIn(
        await stage.context({ viewport: { width: 1280, height: 420 } }),
        stage.server.url,
        'tess',
      );
      const { page } = tess;
      const row = tess.conversation('Readers');
      await row.locator('.badge').waitFor();
      await row.locator('.snippet', { hasText: 'The text of a card' }).waitFor();
      await row.click({ button: 'right' });
      await page.getByRole('menuitem', { name: 'Mark as read' }).click();
      await row.locator('.badge').waitFor({ state: 'detached' });
      await row.click({ button: 'right' });
      await page.getByRole('menuitem', { name: 'Archive' }).waitFor();
      expect(await page.getByRole('menuitem', { name: 'Mark as read' }).count()).toBe(0);
      await page.keyboard.press('Escape');

      await tess.open('Readers');
      await tess.sees('The text of a card');
      await page.locator('.pane-head').getByRole('button', { name: 'Readers', exact: true }).click();
      const dialog = page.locator('dialog');
      await dialog.getByText('Tom').or(dialog.getByText('tom')).first().waitFor();
      await dialog.evaluate((element) => element.scrollTo(0, element.scrollHeight));
      expect(await dialog.evaluate((element) => element.scrollTop)).toBeGreaterThan(0);
      await dialog.getByRole('button', { name: 'Close' }).click({ timeout: 2_000 });
      await dialog.waitFor({ state: 'detached' });
    },
    testMsMax,
  );

  test(
    'a search among conversations finds whom they are with, and the notes to self by the title that they have in the list',
    async () => {
      await stage.client('zoe');
      const annika = await Person.signUp(await stage.context(), stage.server.url, 'annika');
      await annika.startChat('zoe');
      await annika.write('hello');
      await annika.startChat('annika');
      await annika.conversation('Notes to self').waitFor();
      const search = annika.page.getByLabel('Search conversations');
      const found = async (query: string) => {
        await search.fill(query);
        return annika.page.locator('.conversation-title').allInnerTexts();
      };
      expect(await found('annika')).toEqual(['Notes to self']);
      expect(await found('notes')).toEqual(['Notes to self']);
      expect(await found('zo')).toEqual(['zoe']);
    },
    testMsMax,
  );

  test(
    'a search finds whom no row on the screen is with, without accents too; Enter opens the first, and people are a button away',
    async () => {
      const pia = await stage.client('pia');
      await Person.signUp(await stage.context(), stage.server.url, 'u-old', 'Gabriela García');
      await pia.send({ to: 'u-old' as UserId }, { type: 'text', text: 'long ago' });
      for (let index = 0; index < 40; index++) await pia.createGroup({ title: `Group ${index}`, members: [] });
      const { page } = await Person.signIn(await stage.context(), stage.server.url, 'pia');
      await page.keyboard.press('Control+k');
      const search = page.getByLabel('Search conversations');
      expect(await search.evaluate((field) => field === document.activeElement)).toBe(true);
      await page.keyboard.type('garcia');
      await page.locator('.conversation-title', { hasText: 'Gabriela García' }).waitFor();
      await page.keyboard.press('ArrowDown');
      expect(await page.evaluate(() => document.activeElement?.className)).toBe('conversation');
      await search.focus();
      await page.keyboard.press('Enter');
      await page.locator('.pane[data-id*="u-old"]').waitFor();

      await search.fill('quincey');
      await page.getByRole('button', { name: 'Search people' }).click();
      expect(await page.locator('dialog').getByLabel('Search people by name or id').inputValue()).toBe('quincey');
    },
    testMsMax,
  );

  test(
    'while the first catch-up is under way the page says that it loads, not that there is no conversation',
    async () => {
      await (await stage.client('rik')).createGroup({ title: 'There', members: [] });
      const { page } = await Person.signUp(await stage.context(), stage.server.url, 'ria');
      await new Person(page, 'ria').signOut();
      const held = Promise.withResolvers<void>();
      await page.routeWebSocket(/v1\/ws/, (socket) => {
        const server = socket.connectToServer();
        server.onMessage((message) => void held.promise.then(() => socket.send(message)));
      });
      await page.locator('input[name=username]').fill('rik');
      await page.locator('input[name=password]').fill(password);
      await page.locator('form button[type=submit]').click();
      await page.locator('.nothing-open', { hasText: 'Loading…' }).waitFor();
      expect(await page.getByText('No conversations yet').count()).toBe(0);
      held.resolve();
      await page.locator('.conversation-title', { hasText: 'There' }).waitFor();
      await page.getByText('Choose a conversation').waitFor();
    },
    testMsMax,
  );

  test(
    'Enter in a search for people picks the only one found, also before the answer is there, and creates no group',
    async () => {
      await stage.client('quentin');
      await stage.client('quincy');
      const ona = await Person.signUp(await stage.context(), stage.server.url, 'ona');
      const { page } = ona;
      const open = (name: string) => page.locator('.sidebar-head').getByRole('button', { name }).click();
      await open('New group');
      const dialog = page.locator('dialog', { hasText: 'New group' });
      await dialog.locator('input[name=title]').fill('Readers');
      const search = dialog.getByLabel('Search people by name or id');
      await search.pressSequentially('quen');
      await search.press('Enter');
      await dialog.locator('.picked', { hasText: 'quentin' }).waitFor();
      expect(await search.inputValue()).toBe('');
      await search.fill('qui');
      await dialog.locator('.person', { hasText: 'quincy' }).waitFor();
      await search.press('Enter');
      await dialog.locator('.picked', { hasText: 'quincy' }).waitFor();
      await page.keyboard.press('Escape');

      await open('New chat');
      await page.keyboard.type('qu');
      await page.locator('dialog .person').nth(1).waitFor();
      await page.keyboard.press('Enter');
      await page.locator('dialog .person:focus').waitFor();
      await page.keyboard.press('Enter');
      await page.locator('.pane[data-id*="quentin"]').waitFor();
    },
    testMsMax,
  );

  test(
    '[E4][E5][E6] edits, reactions and a recall show at once, for both, and a new message follows them',
    async () => {
      const bob = await stage.client('rob');
      const eve = await Person.signUp(await stage.context(), stage.server.url, 'eva');
      await eve.startChat('rob');
      await eve.write('hello');
      await eve.sees('hello', 'delivered');
      const id = 'd:eva:rob' as ConversationId;
      const { seq: theirs = 0 } = await bob.send({ conversationId: id }, { type: 'text', text: 'frist' });
      await eve.sees('frist');
      await bob.edit(id, theirs as Seq, { type: 'text', text: 'first' });
      await eve.sees('first');
      await eve.bubble('first').locator('.edited').waitFor();

      await eve.bubble('first').click({ button: 'right' });
      await eve.page.getByRole('menuitem', { name: 'React with 👍' }).click();
      const reaction = eve.bubble('first').locator('.reaction');
      await eve.until(
        () => reaction.getAttribute('aria-pressed'),
        (pressed) => pressed === 'true',
        'the own reaction',
      );
      await bob.react(id, theirs as Seq, '👍', 'add');
      await eve.until(
        () => reaction.textContent(),
        (words) => words?.trim() === '👍 2',
        'both reactions',
      );
      await reaction.click();
      await eve.until(
        () => reaction.textContent(),
        (words) => words?.trim() === '👍 1',
        'the own reaction taken back',
      );
      await bob.send({ conversationId: id }, { type: 'text', text: 'after the changes' });
      await eve.sees('after the changes');

      await eve.bubble('hello').click({ button: 'right' });
      await eve.page.getByRole('menuitem', { name: 'Recall' }).click();
      await eve.page.locator('.confirm').getByRole('button', { name: 'Recall' }).click();
      await eve.page.locator('.message[data-recalled=true]').waitFor();
      expect(await eve.bubble('hello').count()).toBe(0);
      await eve.page.reload();
      await eve.sees('after the changes');
      // What the browser kept may be a moment older than the reload.
      await eve.bubble('hello').waitFor({ state: 'detached' });
      await eve.page.locator('.message[data-recalled=true]').waitFor();
      expect(await eve.bubble('first').locator('.reaction').textContent()).toContain('1');
    },
    testMsMax,
  );
});
