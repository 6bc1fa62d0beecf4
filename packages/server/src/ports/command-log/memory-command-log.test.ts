import { expect, test } from 'bun:test';
import { silentLog } from '@hongyan/base/log';
import type { ClientMsgId, UserId } from '@hongyan/protocol/ids';
import type { Committed, Outcome, SendCommand } from '../core/core.ts';
import { createMemoryCommandLog } from './memory-command-log.ts';

const command = (key: number): SendCommand => ({
  from: 'alice' as UserId,
  to: 'bob' as UserId,
  clientMsgId: `k${key}` as ClientMsgId,
  content: { type: 'text', text: 'x' },
});
const refusal = (message: string): Outcome<Committed> => ({ type: 'refused', code: 'conflict', message });
const code = (outcome: Outcome<Committed>) => (outcome.type === 'refused' ? outcome.code : 'ok');

/** A handler whose batches are finished by the test. */
function heldHandler() {
  const batches: { commands: readonly SendCommand[]; finish(): void; fail(): void }[] = [];
  const handle = (commands: readonly SendCommand[]) =>
    new Promise<readonly Outcome<Committed>[]>((resolve, reject) => {
      batches.push({
        commands,
        finish: () => resolve(commands.map((item) => refusal(item.clientMsgId))),
        fail: () => reject(new Error('store gone')),
      });
    });
  return { batches, handle };
}
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('[D1] a batch forms while the one before commits, in order, and answers leave after it', async () => {
  const { batches, handle } = heldHandler();
  const log = createMemoryCommandLog(handle, { queueMax: 100, batchMax: 100, log: silentLog });
  const answers: string[] = [];
  const submit = (key: number) =>
    log.submit(command(key)).then((outcome) => answers.push(outcome.type === 'refused' ? outcome.message : ''));
  const all = [submit(1), submit(2)];
  await turn();
  all.push(submit(3), submit(4), submit(5));
  await turn();
  expect(batches.map((batch) => batch.commands.length)).toEqual([2]);
  expect(answers).toEqual([]);
  batches[0]?.finish();
  await turn();
  expect(answers).toEqual(['k1', 'k2']);
  expect(batches.map((batch) => batch.commands.length)).toEqual([2, 3]);
  batches[1]?.finish();
  await Promise.all(all);
  expect(answers).toEqual(['k1', 'k2', 'k3', 'k4', 'k5']);
});

test('at the bound a submit is refused as overloaded, and batches are cut at their bound', async () => {
  const { batches, handle } = heldHandler();
  const log = createMemoryCommandLog(handle, { queueMax: 3, batchMax: 2, log: silentLog });
  const accepted = [1, 2, 3].map((key) => log.submit(command(key)));
  expect(code(await log.submit(command(4)))).toBe('overloaded');
  await turn();
  expect(batches[0]?.commands.length).toBe(2);
  batches[0]?.finish();
  await turn();
  batches[1]?.finish();
  expect((await Promise.all(accepted)).map(code)).toEqual(['conflict', 'conflict', 'conflict']);
});

test('[D6] a batch whose outcome is not known says so, and the next one is served', async () => {
  const { batches, handle } = heldHandler();
  const log = createMemoryCommandLog(handle, { queueMax: 10, batchMax: 10, log: silentLog });
  const first = log.submit(command(1));
  await turn();
  batches[0]?.fail();
  expect(code(await first)).toBe('unknown_outcome');
  const second = log.submit(command(2));
  await turn();
  batches[1]?.finish();
  expect(code(await second)).toBe('conflict');
});

test('drain finishes what was accepted and refuses what comes after', async () => {
  const { batches, handle } = heldHandler();
  const log = createMemoryCommandLog(handle, { queueMax: 10, batchMax: 10, log: silentLog });
  const accepted = log.submit(command(1));
  await turn();
  const drained = log.drain();
  expect(code(await log.submit(command(2)))).toBe('unavailable');
  batches[0]?.finish();
  await drained;
  expect(code(await accepted)).toBe('conflict');
});
