// An operator at the console of a cluster: one process shows all of them, and what users did on another.

import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import type { UserId } from '@hongyan/client';
import { describeWith } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import type { Page } from 'playwright-core';
import { ClusterUnderTest } from '../cluster-server.ts';
import { type Operator, operatorOf } from '../operator.ts';
import { type Stage, stageOf } from './browser.ts';
import { signedIn } from './operator-page.ts';

setDefaultTimeout(120_000);

describeWith(['kafka', 'mysql', 'redis'], 'the console on a cluster', () => {
  let stage: Stage;
  let operator: Operator;
  beforeAll(async () => {
    stage = await stageOf(async () => {
      const { gateways } = await ClusterUnderTest.start({ doCoresWork: true });
      const [gateway] = gateways;
      if (gateway === undefined) throw new Error('a cluster has a gateway');
      return gateway;
    });
    operator = await operatorOf(stage.server.dataDir);
  });
  afterEach(() => stage.leave());
  afterAll(() => stage.end());

  const open = (...at: readonly string[]): Promise<Page> => signedIn({ stage, operator, at });

  test('[O35] the overview has every process, and the figures of all', async () => {
    const [ann] = [await stage.client('ann'), await stage.client('bob')];
    const page = await open();
    await page.getByText('All is well').waitFor();
    const processes = page.getByRole('table').first();
    for (const name of [/-core-1/, /-gateway-1/]) await processes.getByText(name).first().waitFor();
    const figure = (name: string) => page.locator('.trend', { hasText: name });
    const sent = figure('Messages per second').locator('li').first().locator('strong');
    await until(
      async () => {
        await ann.send({ to: 'bob' as UserId }, { type: 'text', text: 'through a cluster' });
        return ((await sent.textContent()) ?? '0') !== '0';
      },
      { withinMs: 30_000, what: 'messages on the chart' },
    );
    expect(await figure('Connections (at most').locator('strong').textContent()).toBe('2');
  });

  test('[O35] a user of another process is found, with the connection, followed and signed out', async () => {
    const [ann] = [await stage.client('ann'), await stage.client('bob')];
    const message = ann.send({ to: 'bob' as UserId }, { type: 'text', text: 'to be followed' });
    const page = await open('journey');
    await page.getByLabel('msg_id or client_msg_id').fill((await message).clientMsgId);
    await page.getByRole('button', { name: 'Find' }).click();
    await page.getByText('to 1 of 1 others').waitFor();
    await page.getByRole('link', { name: 'Sessions' }).click();
    await page.getByRole('button', { name: /^Disconnect ann/ }).waitFor();
    await page.getByRole('link', { name: 'ann' }).click();
    await page.getByRole('button', { name: 'Sign out everywhere' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Sign out everywhere' }).click();
    await until(() => ann.state.type === 'closed' && ann.state.reason === 'token_revoked', { withinMs: 20_000 });
  });

  test('[O35] every page of the console answers', async () => {
    const page = await open();
    const links = await page
      .locator('.navigation-page')
      .evaluateAll((all) => all.map((link) => link.getAttribute('href')));
    expect(links.length).toBeGreaterThan(9);
    for (const hash of links) {
      await page.goto(`${operator.url}/${hash}`);
      await page.locator('main h1').waitFor();
      await page.waitForFunction(() => !/Loading …/.test(document.body.textContent ?? ''));
      expect([hash, await page.getByRole('alert').allTextContents()]).toEqual([hash, []]);
    }
  });
});
