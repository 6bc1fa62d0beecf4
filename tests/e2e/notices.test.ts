// A notice of the operator in the web chat: a bar for everyone, in both languages, that a keyboard can dismiss.

import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test';
import type { UserId } from '@hongyan/client';
import { OperatorClient } from '../../packages/cli/src/operator-client.ts';
import { openStage, password, type Stage, waitMsMax } from './browser.ts';
import { Person } from './person.ts';

const testMsMax = 60_000;

let stage: Stage;
beforeAll(async () => {
  stage = await openStage('e2e-notices');
}, testMsMax);
afterEach(async () => {
  await stage.leave();
  const operator = await OperatorClient.connect(stage.server.dataDir);
  const { notices } = (await operator.request('GET', '/admin/v1/notices')) as { readonly notices: readonly Notice[] };
  for (const { notice_id } of notices) await operator.request('DELETE', `/admin/v1/notices/${notice_id}`);
});
afterAll(() => stage.end());

interface Notice {
  readonly notice_id: string;
}

const publish = async (body: object) =>
  (await OperatorClient.connect(stage.server.dataDir)).request('POST', '/admin/v1/notices', body);

test(
  '[B1][B2] a notice is shown as a bar, told to screen readers, dismissed by keyboard, and stays away',
  async () => {
    const { page } = await Person.signUp(await stage.context(), stage.server.url, 'ann');
    await publish({ notice_id: 'n1', text: 'Maintenance tonight at 22:00', severity: 'warning' });
    const bar = page.getByRole('status').filter({ hasText: 'Maintenance tonight at 22:00' });
    await bar.waitFor({ timeout: waitMsMax });
    await publish({ notice_id: 'n2', text: 'The disk is nearly full', severity: 'critical' });
    const alert = page.getByRole('alert').filter({ hasText: 'The disk is nearly full' });
    await alert.waitFor({ timeout: waitMsMax });
    const dismiss = bar.getByRole('button');
    expect(await dismiss.getAttribute('aria-label')).toMatch(/^(Dismiss|关闭)/);
    await dismiss.focus();
    await page.keyboard.press('Enter');
    await bar.waitFor({ state: 'detached', timeout: waitMsMax });
    await publish({ notice_id: 'n1', text: 'Maintenance tonight at 22:00', severity: 'warning' });
    await publish({ notice_id: 'n3', text: 'A later one' });
    await page.getByRole('status').filter({ hasText: 'A later one' }).waitFor({ timeout: waitMsMax });
    expect(await bar.count()).toBe(0);
    await (await OperatorClient.connect(stage.server.dataDir)).request('DELETE', '/admin/v1/notices/n2');
    await alert.waitFor({ state: 'detached', timeout: waitMsMax });

    // Whoever comes later, in the other language.
    const later = await (await stage.context({ locale: 'zh-CN' })).newPage();
    await later.goto(stage.server.url);
    await later.locator('input[name=username]').fill('ann');
    await later.locator('input[name=password]').fill(password);
    await later.locator('form button[type=submit]').click();
    const shown = later.getByRole('status').filter({ hasText: 'A later one' });
    await shown.waitFor({ timeout: waitMsMax });
    expect(await shown.textContent()).toContain('公告');
  },
  testMsMax,
);

test(
  '[B1] banners with long words and long texts leave a phone its width, and the conversation its place',
  async () => {
    const bob = await stage.client('bob');
    const context = await stage.context({ viewport: { width: 360, height: 640 } });
    const { page } = await Person.signUp(context, stage.server.url, 'cid');
    const { conversationId } = await bob.createGroup({ title: 'T'.repeat(120), members: ['cid' as UserId] });
    await page.locator('.conversation').first().click();
    await page.locator('.composer').waitFor();
    await bob.removeMember(conversationId, 'cid' as UserId);
    await page.getByText('You are no longer a member').waitFor();
    const isWithin = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
    expect(await isWithin()).toBe(true);

    await publish({ notice_id: 'n4', text: 'https://status.example.com/'.padEnd(200, 'a'), severity: 'critical' });
    for (const id of ['n5', 'n6'])
      await publish({ notice_id: id, text: `${id} ${'word '.repeat(199)}`, severity: 'warning' });
    const last = page.getByRole('status').filter({ hasText: 'n6' });
    await last.waitFor({ timeout: waitMsMax });
    expect(await isWithin()).toBe(true);
    expect((await page.locator('.sidebar').boundingBox())?.height).toBeGreaterThan(640 / 2);
    // The button of a text that is longer than what is seen of it stands beside its beginning.
    await last.getByRole('button').focus();
    await page.keyboard.press('Enter');
    await last.waitFor({ state: 'detached', timeout: waitMsMax });
  },
  testMsMax,
);
