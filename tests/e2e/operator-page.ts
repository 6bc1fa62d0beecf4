// An operator's browser, signed in to the console of the stage's server.

import type { Page } from 'playwright-core';
import type { Operator } from '../operator.ts';
import type { Stage } from './browser.ts';

/** `at`: the page in the address, as ['users', 'ann']; absent: the first. */
export async function signedIn(
  { stage, operator, at = [] }: { readonly stage: Stage; readonly operator: Operator; readonly at?: readonly string[] },
  options: Parameters<Stage['context']>[0] = {},
): Promise<Page> {
  const page = await (await stage.context(options)).newPage();
  await page.goto(operator.url + hashOf(at));
  await page.locator('input[name=token]').fill(operator.token);
  await page.keyboard.press('Enter');
  await page.locator('.navigation').waitFor();
  return page;
}

export const hashOf = (at: readonly string[]): string => `/#/${at.map(encodeURIComponent).join('/')}`;
