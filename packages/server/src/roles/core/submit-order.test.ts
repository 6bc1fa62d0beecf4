// The order of one user's commands before the log, even if their look-ups fail.

import { expect, test } from 'bun:test';
import { ok } from '@hongyan/base/result';
import { failure, type Result } from '@hongyan/protocol/refusals';
import type { Command } from '../../ports/command-log/command-log.ts';
import { command } from '../../ports/command-log/testing/contract.ts';
import { SubmitOrder } from './submit-order.ts';
import { user } from './testing/world.ts';

test('[D4] a failed look-up lets no later command overtake earlier ones', async () => {
  const submitted: Command[] = [];
  const order = new SubmitOrder({
    async submit(one) {
      submitted.push(one);
      return ok({ type: 'changed' });
    },
  });
  const [first, last] = [command(1), command(2)];
  const lookUp = Promise.withResolvers<Result<Command>>();
  const all = [order.submit(user('ann'), lookUp.promise)];
  const failed = order.submit(user('ann'), Promise.reject(new Error('the directory is away')));
  await expect(failed).rejects.toThrow('away');
  all.push(order.submit(user('ann'), failure.unavailable()), order.submit(user('ann'), ok(last)));
  expect(submitted).toEqual([]);
  lookUp.resolve(ok(first));
  await Promise.all(all);
  expect(submitted).toEqual([first, last]);
});
