// What every command log must do, whatever carries it: run by each adapter's test file.

import { describe, expect, test } from 'bun:test';
import type { ClientMsgId, UserId } from '@hongyan/protocol/ids';
import type { Committed, Outcome, SendCommand } from '../../core/core.ts';
import type { CommandHandler, CommandLog } from '../command-log.ts';

export interface CommandLogBounds {
  readonly queueMax: number;
  readonly batchMax: number;
}

export interface CommandLogUnderTest {
  readonly log: CommandLog;
  remove(): Promise<void>;
}

export type MakeCommandLog = (handle: CommandHandler, bounds: CommandLogBounds) => Promise<CommandLogUnderTest>;

/** All commands go from alice to bob: one conversation, one partition. */
export const command = (key: number): SendCommand => ({
  from: 'alice' as UserId,
  to: 'bob' as UserId,
  clientMsgId: `k${key}` as ClientMsgId,
  content: { type: 'text', text: 'x' },
});
export const keysOf = (batch: Batch): string[] => batch.commands.map(({ clientMsgId }) => String(clientMsgId));
export const codeOf = (outcome: Outcome<Committed>) => (outcome.type === 'refused' ? outcome.code : 'ok');

export interface Batch {
  readonly commands: readonly SendCommand[];
  /** Answers each command with a refusal that has its key as the message. */
  finish(outcomes?: readonly Outcome<Committed>[]): void;
  fail(): void;
}

/** A handler whose batches are finished by the test. */
export function heldHandler() {
  const arrived: Batch[] = [];
  let waiting: (() => void) | undefined;
  let running = 0;
  let runningMax = 0;
  const handle: CommandHandler = (commands) =>
    new Promise((resolve, reject) => {
      running++;
      runningMax = Math.max(runningMax, running);
      const end = () => void running--;
      arrived.push({
        commands,
        finish(outcomes = commands.map(({ clientMsgId }) => echo(clientMsgId))) {
          end();
          resolve(outcomes);
        },
        fail() {
          end();
          reject(new Error('store gone'));
        },
      });
      waiting?.();
    });
  /** The oldest batch not taken yet; waits until there is one. */
  async function next(): Promise<Batch> {
    for (;;) {
      const batch = arrived.shift();
      if (batch) return batch;
      await new Promise<void>((resolve) => {
        waiting = resolve;
      });
    }
  }
  return { handle, next, runningMax: () => runningMax };
}

const echo = (message: string): Outcome<Committed> => ({ type: 'refused', code: 'conflict', message });

export function commandLogContract(name: string, make: MakeCommandLog): void {
  describe(name, () => {
    async function using(
      bounds: CommandLogBounds,
      story: (log: CommandLog, handler: ReturnType<typeof heldHandler>) => Promise<void>,
    ): Promise<void> {
      const handler = heldHandler();
      const made = await make(handler.handle, bounds);
      try {
        await story(made.log, handler);
      } finally {
        await made.remove();
      }
    }
    const roomy = { queueMax: 100, batchMax: 100 };

    test('[D1] a submit resolves with its own outcome, and not before the handler gave it', () =>
      using(roomy, async (log, { next }) => {
        const answers: string[] = [];
        const submit = async (key: number) => {
          const outcome = await log.submit(command(key));
          answers.push(outcome.type === 'refused' ? outcome.message : '');
        };
        const all = [submit(1), submit(2)];
        const batch = await next();
        expect(answers).toEqual([]);
        batch.finish();
        if (keysOf(batch).length < 2) (await next()).finish();
        await Promise.all(all);
        expect(answers).toEqual(['k1', 'k2']);
      }));

    test('[D2] commands of a conversation are handed over in the order submitted, one handler at a time', () =>
      using({ queueMax: 100, batchMax: 7 }, async (log, { next, runningMax }) => {
        const keys = Array.from({ length: 50 }, (_, index) => index);
        const all = keys.map((key) => log.submit(command(key)));
        const handed: string[] = [];
        while (handed.length < keys.length) {
          const batch = await next();
          expect(batch.commands.length).toBeLessThanOrEqual(7);
          handed.push(...keysOf(batch));
          batch.finish();
        }
        expect(handed).toEqual(keys.map((key) => `k${key}`));
        expect((await Promise.all(all)).map(codeOf)).toEqual(keys.map(() => 'conflict'));
        expect(runningMax()).toBe(1);
      }));

    test('at the bound a submit is refused as overloaded at once, and there is room again later', () =>
      using({ queueMax: 3, batchMax: 1 }, async (log, { next }) => {
        const accepted = [log.submit(command(1))];
        const held = await next();
        for (const key of [2, 3, 4]) accepted.push(log.submit(command(key)));
        const outcome = await log.submit(command(5));
        expect(outcome).toMatchObject({ type: 'refused', code: 'overloaded', retryAfterMs: expect.any(Number) });
        held.finish();
        const second = await next();
        accepted.push(log.submit(command(6)));
        second.finish();
        for (let left = 3; left > 0; left--) (await next()).finish();
        expect((await Promise.all(accepted)).map(codeOf)).toEqual(accepted.map(() => 'conflict'));
      }));

    test('[D6] a batch whose outcome is not known says so, and the next one is served', () =>
      using(roomy, async (log, { next }) => {
        const first = log.submit(command(1));
        (await next()).fail();
        expect(codeOf(await first)).toBe('unknown_outcome');
        const second = log.submit(command(2));
        (await next()).finish();
        expect(codeOf(await second)).toBe('conflict');
      }));

    test('drain finishes what was accepted and refuses what comes after', () =>
      using({ queueMax: 10, batchMax: 1 }, async (log, { next }) => {
        const accepted = [log.submit(command(1)), log.submit(command(2))];
        const first = await next();
        const drained = log.drain();
        expect(codeOf(await log.submit(command(3)))).toBe('unavailable');
        first.finish();
        (await next()).finish();
        await drained;
        expect((await Promise.all(accepted)).map(codeOf)).toEqual(['conflict', 'conflict']);
      }));

    test('a log without work is drained at once, and again', () =>
      using(roomy, async (log) => {
        await log.drain();
        await log.drain();
        expect(codeOf(await log.submit(command(1)))).toBe('unavailable');
      }));
  });
}
