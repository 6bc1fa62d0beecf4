// Roles in a group: who is owner and admin, what they may do, and that a change of role shows at once.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import type { UserId } from '@hongyan/client';
import { openStage, type Stage } from './browser.ts';
import { Person } from './person.ts';

const testMsMax = 60_000;

const row = (person: Person, userId: string) => person.page.locator(`dialog .person[data-id="${userId}"]`);
const roleOf = (person: Person, userId: string, role: string) =>
  row(person, userId).locator(`[data-role=${role}]`).waitFor();
const actionsOn = (person: Person, userId: string) =>
  row(person, userId).getByRole('button', { name: `Actions for ${userId}` });

async function choose(person: Person, userId: string, action: string): Promise<void> {
  await actionsOn(person, userId).click();
  await person.page.getByRole('menuitem', { name: action, exact: true }).click();
}

describe('roles in the web chat', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage('e2e-group-roles');
  }, testMsMax);
  afterEach(() => stage.leave());
  afterAll(() => stage.end());

  /** The group of the first of them, each in a browser. */
  async function people<const T extends readonly string[]>(kind: 'group' | 'broadcast', title: string, ids: T) {
    const [client] = await Promise.all(ids.map((userId) => stage.client(userId)));
    if (!client) throw new Error('the owner has a client');
    await client.createGroup({ kind, title, members: ids.slice(1) as string[] as UserId[] });
    const persons: Person[] = [];
    for (const userId of ids) {
      const person = await Person.signIn(await stage.context(), stage.server.url, userId);
      await person.open(title);
      persons.push(person);
    }
    return persons as { readonly [K in keyof T]: Person };
  }
  const openDetails = (person: Person) => person.page.getByRole('button', { name: 'Group info' }).click();
  const confirm = (person: Person, action: string) =>
    person.page.locator('.confirm').getByRole('button', { name: action }).click();

  test(
    'what fails without a connection is said in view, a new name stays to be saved, and the members come with the connection',
    async () => {
      const ids = ['ida', ...Array.from({ length: 11 }, (_, index) => `ida-${index}`)] as const;
      const [client] = await Promise.all(ids.map((userId) => stage.client(userId)));
      await client?.createGroup({ kind: 'group', title: 'Walk', members: ids.slice(1) as string[] as UserId[] });
      const context = await stage.context({ viewport: { width: 360, height: 640 } });
      const ida = await Person.signIn(context, stage.server.url, 'ida');
      await ida.open('Walk');
      const dialog = ida.page.getByRole('dialog', { name: 'Group' });
      const problem = dialog.locator('.problem', { hasText: 'cannot be reached' });
      await openDetails(ida);
      await roleOf(ida, 'ida', 'owner');
      await context.setOffline(true);
      await dialog.evaluate((element) => element.scrollTo(0, element.scrollHeight));
      await dialog.getByRole('group', { name: 'Write' }).getByText('Admins').click();
      await ida.until(
        () => problem.evaluate((words) => words.getBoundingClientRect()),
        ({ top, bottom }) => top >= 0 && bottom <= 640,
        'the problem is in view',
      );
      await dialog.getByRole('button', { name: 'Rename' }).click();
      await dialog.locator('input[name=title]').fill('Long walk');
      await ida.page.keyboard.press('Enter');
      await problem.waitFor();
      expect(await dialog.locator('input[name=title]').inputValue()).toBe('Long walk');

      await ida.page.keyboard.press('Escape');
      await openDetails(ida);
      await problem.waitFor();
      expect(await row(ida, 'ida').count()).toBe(0);
      await dialog.getByRole('button', { name: 'Add member' }).click();
      await dialog.getByLabel('Search people').fill('joe');
      await problem.nth(1).waitFor();
      expect(await dialog.getByText('Type a name or a user id.').count()).toBe(0);
      await dialog.getByLabel('Search people').fill('');
      await context.setOffline(false);
      await roleOf(ida, 'ida', 'owner');
      await problem.waitFor({ state: 'detached' });
    },
    testMsMax,
  );

  test(
    'the owner makes an admin, who then removes a member; both see it at once',
    async () => {
      const [ann, ben] = await people('group', 'Band', ['ann', 'ben', 'cal']);
      await openDetails(ann);
      await openDetails(ben);
      await roleOf(ann, 'ann', 'owner');
      expect(await actionsOn(ann, 'ann').count()).toBe(0);
      expect(await actionsOn(ben, 'cal').count()).toBe(0);

      await actionsOn(ann, 'ben').focus();
      await ann.page.keyboard.press('Enter');
      await ann.page.getByRole('menuitem', { name: 'Make admin' }).waitFor();
      await ann.page.keyboard.press('Escape');
      await ann.page.getByRole('menu').waitFor({ state: 'detached' });
      await ann.page.keyboard.press('Enter');
      await ann.page.keyboard.press('Enter');
      await confirm(ann, 'Cancel');
      await ann.until(
        () => ann.page.evaluate(() => document.activeElement?.getAttribute('aria-label')),
        (label) => label === 'Actions for ben',
        'the focus back at the member',
      );
      await ann.page.keyboard.press('Enter');
      await ann.page.keyboard.press('Enter');
      await confirm(ann, 'Make admin');
      await roleOf(ann, 'ben', 'admin');
      await roleOf(ben, 'ben', 'admin');

      expect(await actionsOn(ben, 'ann').count()).toBe(0);
      await choose(ben, 'cal', 'Remove from the group');
      await confirm(ben, 'Remove');
      await row(ben, 'cal').waitFor({ state: 'detached' });
      await row(ann, 'cal').waitFor({ state: 'detached' });

      await choose(ann, 'ben', 'Remove as admin');
      await confirm(ann, 'Remove as admin');
      await row(ben, 'ben').locator('[data-role]').waitFor({ state: 'detached' });
    },
    testMsMax,
  );

  test(
    'the owner hands the group over, is an admin then, and the new owner has the say',
    async () => {
      const [dan, eve] = await people('group', 'Choir', ['dan', 'eve']);
      await openDetails(dan);
      await openDetails(eve);
      await choose(dan, 'eve', 'Hand over the group');
      await dan.page.getByText('Only eve can give the group back.').waitFor();
      await confirm(dan, 'Hand over');
      for (const person of [dan, eve]) {
        await roleOf(person, 'eve', 'owner');
        await roleOf(person, 'dan', 'admin');
      }
      expect(await actionsOn(dan, 'eve').count()).toBe(0);
      await actionsOn(eve, 'dan').waitFor();
      await eve.page.keyboard.press('Escape');
      await eve.page.locator('.system', { hasText: 'dan handed the group over to eve' }).waitFor();
    },
    testMsMax,
  );

  test(
    'an owner who leaves is led to hand the group over first',
    async () => {
      const [fay, gus] = await people('group', 'Duo', ['fay', 'gus', 'hal']);
      await openDetails(fay);
      await fay.page.getByRole('button', { name: 'Leave group' }).click();
      const choice = fay.page.getByRole('dialog', { name: 'Hand over before you leave' });
      await choice.getByRole('button', { name: 'gus' }).waitFor();
      expect(await choice.getByRole('button', { name: 'fay' }).count()).toBe(0);
      await fay.page.keyboard.press('Escape');
      await choice.waitFor({ state: 'detached' });
      await fay.page.getByRole('button', { name: 'Leave group' }).click();
      await choice.getByRole('button', { name: 'hal' }).click();
      await confirm(fay, 'Hand over and leave');
      await fay.conversation('Duo').waitFor({ state: 'detached' });
      await openDetails(gus);
      await roleOf(gus, 'hal', 'owner');
      await gus.page.keyboard.press('Escape');
      await gus.page.locator('.system', { hasText: 'fay left' }).waitFor();
    },
    testMsMax,
  );

  test(
    'who becomes an admin of a broadcast gets the composer at once',
    async () => {
      const [ida, jon] = await people('broadcast', 'Bulletin', ['ida', 'jon']);
      await jon.page.locator('.read-only').waitFor();
      await openDetails(ida);
      await choose(ida, 'jon', 'Make admin');
      await confirm(ida, 'Make admin');
      await jon.write('from an admin');
      await jon.sees('from an admin', 'delivered');
    },
    testMsMax,
  );
});
