// An operator at the console: every page shows what users really did, and what it changes takes effect on them.

import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import type { Client, ConversationId, Seq, UserId } from '@hongyan/client';
import { dataLayout } from '@hongyan/server/config/data-layout';
import { openSqliteTaskQueue } from '@hongyan/server/ports/task-queue/sqlite-task-queue';
import { until } from '@hongyan/testing/until';
import { WebhookReceiver } from '@hongyan/testing/webhook-receiver';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { type Operator, operatorOf } from '../operator.ts';
import { Registrar } from '../registrar.ts';
import { openStage, type Stage } from './browser.ts';
import { hashOf, signedIn } from './operator-page.ts';

setDefaultTimeout(120_000);
const secretWords = 'what no operator may read';

describe('the console', () => {
  let stage: Stage;
  let operator: Operator;
  const receivers: WebhookReceiver[] = [];
  beforeAll(async () => {
    const webhooks = ['--webhook-private-addresses', '--webhook-attempts-max', '1'];
    stage = await openStage('console', webhooks);
    operator = await operatorOf(stage.server.dataDir);
  });
  afterEach(() => stage.leave());
  afterAll(async () => {
    await Promise.all(receivers.map((receiver) => receiver.stop()));
    await stage.end();
  });

  const open = (...at: readonly string[]): Promise<Page> => signedIn({ stage, operator, at });
  const say = (client: Client, to: string) => client.send({ to: to as UserId }, { type: 'text', text: secretWords });

  test('[O1] the token opens a session that no script reads; it ends with the sign-out', async () => {
    const context = await stage.context();
    const page = await context.newPage();
    await page.goto(operator.url);
    await page.locator('input[name=token]').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByText('This is not the token of this server.').waitFor();
    await page.locator('input[name=token]').fill(operator.token);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    expect(await context.cookies()).toMatchObject([{ httpOnly: true, sameSite: 'Strict' }]);
    await page.reload();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.locator('input[name=token]').waitFor();
    await page.reload();
    await page.locator('input[name=token]').waitFor();
  });

  test('[O30] the overview draws what happens, and an earlier moment is chosen by the keyboard', async () => {
    const [ann, bob] = [await stage.client('ann'), await stage.client('bob')];
    const page = await open();
    await page.getByText('All is well').waitFor();
    const figure = (name: string) => page.locator('.trend', { hasText: name });
    const sent = figure('Messages per second').locator('li').first().locator('strong');
    await until(
      async () => {
        await say(ann, 'bob');
        return ((await sent.textContent()) ?? '0') !== '0';
      },
      { withinMs: 30_000, what: 'messages on the chart' },
    );
    expect(await figure('Send to acknowledgement').textContent()).toMatch(/p99[\d.]+ ms/);
    expect(await figure('Connections (at most').locator('strong').textContent()).toBe('2');
    await page.getByText('(now)').waitFor();
    const slider = page.getByRole('slider', { name: 'Moment' });
    // A second point.
    await until(async () => Number(await slider.getAttribute('max')) > 0, { withinMs: 20_000 });
    await slider.focus();
    await page.keyboard.press('Home');
    await page.getByText('(now)').waitFor({ state: 'detached' });
    await page.getByRole('table').first().getByText('core').waitFor();
    await bob.close();
  });

  test('[O31] a user is found, with devices and conversations, and a tier is set', async () => {
    const [ann] = [await stage.client('ann'), await stage.client('bob')];
    await say(ann, 'bob');
    const page = await open('users');
    await page.getByLabel('User id, or a word of the name').fill('an');
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'ann' }).click();
    await page.getByRole('heading', { name: 'ann' }).waitFor();
    await page.getByRole('table', { name: '' }).first().getByText('online').waitFor();
    await page.getByLabel('Tier').selectOption('paid');
    await page.getByRole('button', { name: 'Set the tier' }).click();
    await until(async () => {
      const tier = await operator.fetch('/admin/v1/users/ann/tier');
      return ((await tier.json()) as { readonly tier: string }).tier === 'paid';
    });
    await page.getByRole('link', { name: 'd:ann:bob' }).click();
    await page.getByRole('heading', { name: 'Members: 2' }).waitFor();
    await page.getByRole('link', { name: 'bob' }).waitFor();
    expect(await page.locator('main').textContent()).not.toContain(secretWords);
    await page.goto(`${operator.url}${hashOf(['conversations', 'g:none'])}`);
    await page.getByRole('alert').getByText('there is no conversation g:none').waitFor();
  });

  test('[O31] conversations are found by id, by title and by member, and the back button keeps the search', async () => {
    const [ann, cid] = [await stage.client('ann'), await stage.client('cid')];
    await say(ann, 'cid');
    const climbing = await ann.createGroup({ title: 'Weekend Climbing', members: ['cid' as UserId] });
    await cid.createGroup({ title: 'Ann and others', members: [] });
    const page = await open('conversations');
    const row = (name: string | RegExp) => page.getByRole('row', { name });
    await row(/^d:ann:cid ann, cid direct 2 1/).waitFor();
    const search = async (text: string) => {
      await page.getByLabel('Conversation id, a word of the title, or a user id').fill(text);
      await page.getByRole('button', { name: 'Search' }).click();
    };
    await search('g:');
    await row(/^d:ann:cid/).waitFor({ state: 'detached' });
    await row(/Weekend Climbing group 2/).waitFor();
    await search('ann');
    await page.getByRole('region', { name: 'By title: ann' }).getByText('Ann and others').waitFor();
    const ofMember = page.getByRole('region', { name: 'With the member ann' });
    await ofMember.getByText('Weekend Climbing').waitFor();
    await ofMember.getByRole('link', { name: climbing.conversationId }).click();
    await page.getByRole('heading', { name: 'Members: 2' }).waitFor();
    await page.goBack();
    await ofMember.getByText('Weekend Climbing').waitFor();
    await search('nowhere');
    await page.getByText('No title has a word that begins with nowhere.').waitFor();
    await page.getByText('nowhere is in no conversation.').waitFor();
    expect(await page.locator('main').textContent()).not.toContain(secretWords);
  });

  test('[O32] a message is followed until it is read, by the id that its device gave it', async () => {
    const [ann, bob] = [await stage.client('ann'), await stage.client('bob')];
    const message = await say(ann, 'bob');
    const page = await open('journey');
    await page.getByLabel('msg_id or client_msg_id').fill(message.clientMsgId);
    await page.getByRole('button', { name: 'Find' }).click();
    await page.getByText('to 1 of 1 others').waitFor();
    bob.markRead('d:ann:bob' as ConversationId, message.seq ?? (0 as Seq));
    await page.getByText('by 1 of 1 others').waitFor();
    await page.getByRole('row', { name: /^bob/ }).getByText('read').waitFor();
    expect(await page.locator('main').textContent()).not.toContain(secretWords);
  });

  test('[O34] disconnect closes a live client, which comes back; sign-out keeps it out', async () => {
    const ann = await stage.client('ann');
    const states: string[] = [];
    ann.on('state', ({ type }) => states.push(type));
    const page = await open('sessions');
    await page.getByRole('button', { name: /^Disconnect ann/ }).click();
    const dialog = page.getByRole('dialog', { name: /^Disconnect ann/ });
    expect(await dialog.getByRole('button', { name: 'Cancel' }).evaluate((button) => button.matches(':focus'))).toBe(
      true,
    );
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect(states).toEqual([]);
    await page.getByRole('button', { name: /^Disconnect ann/ }).click();
    await dialog.getByRole('button', { name: 'Disconnect' }).click();
    await until(() => states.length > 0 && ann.state.type === 'online', { withinMs: 20_000 });
    await page.getByRole('link', { name: 'ann' }).click();
    await page.getByRole('button', { name: 'Sign out everywhere' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Sign out everywhere' }).click();
    await until(() => ann.state.type === 'closed' && ann.state.reason === 'token_revoked', { withinMs: 20_000 });
    await page.getByText('No connections in core.').waitFor();
  });

  test('[W9] a dead letter is replayed, and the endpoint gets it with the same id', async () => {
    let isWell = false;
    const receiver = new WebhookReceiver(() => (isWell ? 200 : 500));
    receivers.push(receiver);
    const page = await open('webhooks');
    await page.getByText('No webhooks yet.').waitFor();
    await page.getByLabel('Address').fill(receiver.url);
    await page.getByRole('button', { name: 'Add' }).click();
    const secret = await page.locator('.once output').textContent();
    expect(secret).toStartWith('whsec_');
    receiver.secrets = [secret ?? ''];
    await page.getByRole('link', { name: receiver.url }).click();
    await say(await stage.client('ann'), 'bob');
    const letter = page.getByRole('row', { name: /message\.created.*HTTP 500/ });
    await letter
      .getByRole('button', { name: /^Replay/ })
      .first()
      .waitFor();
    const first = receiver.received.find(({ event }) => event.type === 'message.created');
    isWell = true;
    await letter
      .getByRole('button', { name: /^Replay msg|^Replay evt|^Replay / })
      .first()
      .click();
    await page.getByRole('dialog').getByRole('button', { name: 'Replay' }).click();
    const again = await receiver.next(({ type }) => type === 'message.created');
    expect(again.id).toBe(first?.event.id ?? '');
    await page.getByRole('button', { name: 'Send a test' }).click();
    await page.getByText(/^Answer: 200/).waitFor();
    await page
      .getByRole('row', { name: /webhook\.test|message\.created.*200/ })
      .first()
      .waitFor();
    await page.getByLabel('message.recalled').check();
    await page.getByRole('button', { name: 'Save events' }).click();
    const filtered = async () => (await (await operator.fetch('/admin/v1/webhooks')).json()).endpoints[0];
    await until(async () => String((await filtered()).types) === 'message.recalled');
    expect(await page.getByLabel('message.recalled').isChecked()).toBe(true);
    await page.getByLabel('Hours in which the old secret signs too').fill('2');
    await page.getByRole('button', { name: 'Rotate secret' }).click();
    const fresh = (await page.locator('.once output').textContent()) ?? '';
    expect(fresh).toStartWith('whsec_');
    expect(fresh).not.toBe(secret);
    receiver.secrets = [secret ?? '', fresh];
    await page.getByRole('button', { name: 'Send a test' }).click();
    await until(() => receiver.received.at(-1)?.validSecrets === 2);
    await page.getByText('Old secret signs until').waitFor();
    await page.getByRole('button', { name: 'Remove this webhook' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByText('No webhooks yet.').waitFor();
  });

  test('[T13] registered devices are counted by model and firmware, and found by their token', async () => {
    const registrar = await Registrar.create({ url: stage.server.url, dataDir: stage.server.dataDir });
    const devices = ['1.0', '1.0', '2.0'].map((firmware, at) => ({
      ...{ device_token: `token-of-device-${at}`, model: 'P1', firmware },
    }));
    expect((await registrar.post('register/batch', { devices })).status).toBe(202);
    const page = await open('devices');
    await page.getByRole('row', { name: /^P1 1\.0 2/ }).waitFor();
    await page.getByText('3 registered devices').waitFor();
    await page.getByLabel('Device token').fill('token-of-device-2');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('row', { name: /^token-of-device-2 P1 2\.0/ }).waitFor();
    await page
      .getByRole('row', { name: /^P1 1\.0 2/ })
      .getByRole('link')
      .click();
    await page.getByRole('row', { name: /^token-of-device-1 P1/ }).waitFor();
    await operator.fetch('/admin/v1/keys/registrar', { method: 'DELETE' });
  });

  test('[T3] a dead task is replayed, and another one discarded', async () => {
    const queue = await openSqliteTaskQueue({
      ...{ path: dataLayout(stage.server.dataDir).tasks, clock: systemClock, log: silentLog },
      ...{ maxBytes: undefined, onDeath() {}, tasksMax: 100, payloadMax: 10_000, deadLettersMax: 100 },
    });
    const kind = 'of.nobody';
    await queue.add([
      { kind, payload: 'first payload' },
      { kind, payload: 'second payload' },
    ]);
    const claimed = await queue.claim({ kind, limit: 2, payloadMax: 1_000, leaseMs: 60_000 });
    await queue.settle(claimed.map((claim) => ({ claim, outcome: { type: 'dead', error: `no ${claim.payload}` } })));
    await queue.close();
    const page = await open('tasks');
    await page.getByRole('row', { name: /^of\.nobody 0 0 0 2/ }).waitFor();
    const letter = page.getByRole('row', { name: /no first payload/ });
    await letter.getByRole('button', { name: /^Replay/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Replay' }).click();
    await letter.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: /^Discard/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Discard' }).click();
    await page.getByText('No dead letters.').waitFor();
    await page.getByRole('row', { name: /^of\.nobody 1 0 0 0/ }).waitFor();
  });

  test('[A20] a key is shown once, works, and is refused as soon as it is revoked', async () => {
    const page = await open('keys');
    await page.getByText('No API keys yet.').waitFor();
    await page.getByLabel('Name').fill('shop');
    await page.getByLabel('users:manage').check();
    await page.getByRole('button', { name: 'Create a key' }).click();
    const key = (await page.locator('.once output').textContent()) ?? '';
    expect(key).toMatch(/^hy_[0-9a-f]{12}_/);
    await page.getByRole('row', { name: /shop/ }).getByText('users:manage').waitFor();
    const asked = () =>
      fetch(`${stage.server.url}/v1/me/devices`, {
        headers: { authorization: `Bearer ${key}`, 'on-behalf-of': 'ann' },
      });
    expect((await asked()).status).not.toBe(401);
    await page.reload();
    await page.getByRole('row', { name: /shop/ }).waitFor();
    expect(await page.locator('main').textContent()).not.toContain(key);
    await page.getByRole('button', { name: 'Revoke shop' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByText('No API keys yet.').waitFor();
    expect((await asked()).status).toBe(401);
  });

  test('[B1] a notice reaches a live client, and is withdrawn', async () => {
    const ann = await stage.client('ann');
    const told: string[] = [];
    ann.on('notices', (notices) => told.push(notices.map(({ text }) => text).join()));
    const page = await open('notices');
    await page.getByText('No notice is in force.').waitFor();
    await page.getByLabel('Text').fill('Maintenance at eight');
    await page.getByLabel('Severity').selectOption('warning');
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.getByRole('row', { name: /Maintenance at eight warning/ }).waitFor();
    await until(() => told.at(-1) === 'Maintenance at eight');
    await page.getByRole('button', { name: /^Withdraw/ }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Withdraw' }).click();
    await page.getByText('No notice is in force.').waitFor();
    await until(() => told.at(-1) === '');
  });

  test('[O33] the configuration is searched, and says what was set and by what', async () => {
    const page = await open('configuration');
    await page.getByLabel('Find an option').fill('log-level');
    await page.getByRole('row', { name: /^log-level warn.*flag/ }).waitFor();
    await page.getByLabel('Find an option').fill('page-max');
    await page
      .getByRole('row', { name: /^page-max/ })
      .getByText('default', { exact: true })
      .waitFor();
    await page.getByLabel('Only what is set').check();
    await page.getByText('No option is found.').waitFor();
    await page.goto(operator.url + hashOf(['tiers']));
    await page.getByRole('row', { name: /^paid 100 200/ }).waitFor();
    await page.getByRole('row', { name: /^unlimited without limits/ }).waitFor();
  });

  test('a server that does not answer is said, beside what it said last', async () => {
    const page = await open();
    await page.getByText('All is well').waitFor();
    await page.route('**/admin/v1/overview', (route) => route.abort());
    await page.getByRole('alert').getByText('the server does not answer').waitFor({ timeout: 40_000 });
    await page.getByRole('alert').getByText('The values are as of').waitFor();
    expect(await page.getByText('(now)').count()).toBe(0);
    expect(await page.getByText('running for').count()).toBe(0);
    await page.unroute('**/admin/v1/overview');
    await page.getByText('All is well').waitFor();
  });

  test('an unknown address shows the first page, and a page that fails leaves the navigation', async () => {
    const page = await open('nowhere');
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.route('**/admin/v1/configuration', (route) => route.fulfill({ json: { options: 'no list' } }));
    await page.getByRole('link', { name: 'Configuration' }).click();
    await page.getByRole('alert').waitFor();
    await page.getByRole('link', { name: 'Tiers' }).click();
    await page.getByRole('row', { name: /^paid/ }).waitFor();
  });

  test('the console speaks Chinese, is dark where the system is, and fits a phone', async () => {
    const look = { locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 390, height: 800 } } as const;
    const [eve] = [await stage.client('eve'), await stage.client('bob')];
    await say(eve, 'bob');
    const page = await signedIn({ stage, operator }, look);
    await page.getByRole('heading', { name: '概览' }).waitFor();
    await page.getByText('一切正常').waitFor();
    expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe('rgb(18, 23, 26)');
    expect(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)).toBe(false);
    expect(await page.getByRole('link', { name: '用户' }).count()).toBe(0);
    await page.getByText('菜单').click();
    await page.getByText('English').click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.getByRole('link', { name: 'Conversations' }).click();
    const cell = page.getByRole('row').getByText('bob, eve');
    await cell.waitFor();
    expect(await page.locator('.table-frame').evaluate((frame) => frame.scrollWidth > frame.clientWidth)).toBe(false);
    expect(await page.getByRole('link', { name: 'Users' }).count()).toBe(0); // the menu closes behind a choice
    await page.goBack();
    await page.reload();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
  });

  test.each([
    ['light', 'en-GB'],
    ['dark', 'zh-CN'],
  ] as const)('axe finds nothing on any page, %s, %s', async (colorScheme, locale) => {
    const [ann] = [await stage.client('eve'), await stage.client('bob')];
    const message = await say(ann, 'bob');
    const page = await signedIn({ stage, operator }, { colorScheme, locale });
    const names = await page
      .locator('.navigation-page')
      .evaluateAll((links) => links.map((link) => link.getAttribute('href')));
    const inside = [
      ['users', 'eve'],
      ['conversations', 'd:bob:eve'],
      ['journey', message.clientMsgId],
    ].map((at) => hashOf(at).slice(1));
    expect(names.length).toBeGreaterThan(9);
    for (const hash of [...names, ...inside]) {
      await page.goto(`${operator.url}/${hash}`);
      await page.locator('main h1').waitFor();
      await page.waitForFunction(() => !/Loading …|正在加载/.test(document.body.textContent ?? ''));
      await page.evaluate(axe.source);
      const found = await page.evaluate(async () => {
        const { axe } = globalThis as unknown as {
          readonly axe: { run(): Promise<{ violations: readonly Violation[] }> };
        };
        return (await axe.run()).violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
      });
      expect(found, hash ?? '').toEqual([]);
    }
  });
});

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string }[];
}
