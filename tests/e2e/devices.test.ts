// The list of the user's devices: signing another one out, signing out everywhere, and what is then shown where.

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { call } from '@hongyan/testing/http-client';
import { openStage, type Stage } from './browser.ts';
import { Person } from './person.ts';

const testMsMax = 90_000;
let count = 0;

describe('the devices of a user in the web chat', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage('e2e-devices');
  }, testMsMax);
  afterEach(() => stage.leave());
  afterAll(() => stage.end());

  async function begin() {
    const { url } = stage.server;
    const userId = `dev${++count}`;
    const desktop = await Person.signUp(await stage.context(), url, userId);
    const phone = await Person.signIn(await stage.context({ viewport: { width: 390, height: 780 } }), url, userId);
    return { url, desktop, phone };
  }

  const settings = async ({ page }: Person) => {
    await page.locator('.self').click();
    await page.locator('.devices li').first().waitFor();
  };
  const tokenOf = ({ page }: Person) =>
    page.evaluate(() => {
      const kept = Object.keys(localStorage).map((key) => localStorage.getItem(key) ?? '');
      return kept.map((text) => /"token":"([^"]+)"/.exec(text)?.[1]).find((token) => token !== undefined) ?? '';
    });

  test(
    '[A14] another device is signed out by keyboard: it shows why, keeps nothing, and its token is void',
    async () => {
      const { url, desktop, phone } = await begin();
      const token = await tokenOf(phone);
      expect(token).not.toBe('');
      await settings(desktop);
      const { page } = desktop;
      await page.locator('.devices li').nth(1).waitFor();
      expect(await page.locator('.devices li', { hasText: 'this device' }).count()).toBe(1);
      const out = page.locator('.devices').getByRole('button', { name: /^Sign out / });
      expect(await out.count()).toBe(1);
      await out.focus();
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Sign this device out?' }).waitFor();
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await page.getByRole('status').filter({ hasText: 'is signed out.' }).waitFor();
      expect(await page.locator('.devices li').count()).toBe(1);
      await phone.page.getByText('This device was signed out from another one').waitFor();
      expect(await phone.page.locator('input[name=username]').inputValue()).toBe(phone.userId);
      expect((await call(url, '/v1/me', { token })).body).toMatchObject({ code: 'token_revoked' });
      expect(await tokenOf(phone)).toBe('');
      expect(await desktop.page.locator('.sidebar').count()).toBe(1);
    },
    testMsMax,
  );

  test(
    '[A10, A11] signing out revokes the token; signing out everywhere ends the other devices too',
    async () => {
      const { url, desktop, phone } = await begin();
      const [first, second] = [await tokenOf(desktop), await tokenOf(phone)];
      await settings(desktop);
      await desktop.page.getByRole('button', { name: 'Sign out everywhere' }).click();
      await desktop.page.locator('dialog').getByRole('button', { name: 'Sign out everywhere' }).last().click();
      await desktop.page.locator('input[name=username]').waitFor();
      expect(await desktop.page.getByText('signed out from another one').count()).toBe(0);
      await phone.page.getByText('This device was signed out from another one').waitFor();
      for (const token of [first, second])
        expect((await call(url, '/v1/me', { token })).body).toMatchObject({ code: 'token_revoked' });
      const again = await Person.signIn(await stage.context(), url, desktop.userId);
      const third = await tokenOf(again);
      await again.signOut();
      await again.until(
        async () => (await call(url, '/v1/me', { token: third })).body.code,
        (code) => code === 'token_revoked',
        'the token to be revoked',
      );
    },
    testMsMax,
  );

  test(
    '[C14] signed out offline: nothing is kept, and the page says that the server was not told',
    async () => {
      const { url, desktop } = await begin();
      const token = await tokenOf(desktop);
      await settings(desktop);
      await desktop.page.context().setOffline(true);
      await desktop.page.locator('dialog .button-danger', { hasText: /^Sign out$/ }).click();
      await desktop.page.getByText('The server could not be told').waitFor();
      expect(await tokenOf(desktop)).toBe('');
      expect((await call(url, '/v1/me', { token })).status).toBe(200);
    },
    testMsMax,
  );
});
