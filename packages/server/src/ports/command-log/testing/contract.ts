// The contract of every command log, run by the test file of each adapter.

import { describe, expect, test } from 'bun:test';
import type { ClientMsgId, ConversationId, UserId } from '@hongyan/protocol/ids';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import type {
  CommandConsumer,
  CommandHandler,
  CommandOutcome,
  CommandProducer,
  MessageCommand,
} from '../command-log.ts';

export interface CommandLogBounds {
  readonly queueMax: number;
  readonly queuePerUserMax: number;
  readonly batchMax: number;
  readonly batchPerUserMax: number;
}

export interface CommandLogUnderTest {
  /** The contract calls `consume`. */
  readonly log: CommandProducer & CommandConsumer;
  /** Resolves when `count` commands, including those in flight, have reached the place where batches are formed. */
  arrived(count: number): Promise<void>;
  remove(): Promise<void>;
}

export type MakeCommandLog = (bounds: CommandLogBounds) => Promise<CommandLogUnderTest>;

export const roomy: CommandLogBounds = { queueMax: 100, queuePerUserMax: 100, batchMax: 100, batchPerUserMax: 100 };

/** All commands are of one conversation: one partition. */
export const command = (key: number | string, from = 'ann'): MessageCommand => ({
  type: 'message',
  conversationId: 'g:1' as ConversationId,
  from: from as UserId,
  clientMsgId: `k${key}` as ClientMsgId,
  contentJson: '{"type":"text","text":"x"}',
});
export const keysOf = (batch: Batch): string[] => batch.commands.map(({ clientMsgId }) => String(clientMsgId));
export const codeOf = (outcome: Result<CommandOutcome>): string => (outcome.type === 'ok' ? 'ok' : outcome.code);

export interface Batch {
  readonly commands: readonly MessageCommand[];
  /** Without `outcomes` each command is refused with its key in the message. */
  finish(outcomes?: readonly Result<CommandOutcome>[]): void;
  fail(): void;
}

/** A handler whose batches the test finishes. */
export class HeldHandler {
  readonly #arrived: Batch[] = [];
  #notify: (() => void) | undefined;
  #running = 0;
  runningMax = 0;

  readonly handle: CommandHandler = (commands) => {
    this.#running++;
    this.runningMax = Math.max(this.runningMax, this.#running);
    const { promise, resolve, reject } = Promise.withResolvers<readonly Result<CommandOutcome>[]>();
    const messages = commands.filter((each) => each.type === 'message');
    this.#arrived.push({
      commands: messages,
      finish: (outcomes = messages.map(({ clientMsgId }) => refusal.taken(clientMsgId))) => {
        this.#running--;
        resolve(outcomes);
      },
      fail: () => {
        this.#running--;
        reject(new Error('the store is gone'));
      },
    });
    this.#notify?.();
    return promise;
  };

  /** The oldest batch that was not returned yet; waits until there is one. */
  async next(): Promise<Batch> {
    for (;;) {
      const batch = this.#arrived.shift();
      if (batch) return batch;
      await new Promise<void>((resolve) => {
        this.#notify = resolve;
      });
    }
  }

  /** Finishes batches until `count` commands are done; returns their keys in the order of the batches. */
  async finishAll(count: number): Promise<string[]> {
    const handled: string[] = [];
    while (handled.length < count) {
      const batch = await this.next();
      handled.push(...keysOf(batch));
      batch.finish();
    }
    return handled;
  }
}

type Log = CommandLogUnderTest['log'];
type Story = (log: Log, handler: HeldHandler, arrived: CommandLogUnderTest['arrived']) => Promise<void>;
type Using = (bounds: CommandLogBounds, story: Story) => Promise<void>;

export function commandLogContract(name: string, make: MakeCommandLog): void {
  const using: Using = async (bounds, story) => {
    const handler = new HeldHandler();
    const { log, arrived, remove } = await make(bounds);
    log.consume(handler.handle);
    try {
      await story(log, handler, arrived);
    } finally {
      await remove();
    }
  };
  describe(name, () => {
    describe('order and turns', () => orderAndTurns(using));
    describe('bounds and failures', () => boundsAndFailures(using));
    describe('drain', () => draining(using));
  });
}

function orderAndTurns(using: Using): void {
  test('[D1] a submit resolves with the outcome of its command, and not before the handler returned it', () =>
    using(roomy, async (log, handler) => {
      const answers: string[] = [];
      const submit = async (key: number) => {
        const outcome = await log.submit(command(key));
        answers.push(outcome.type === 'ok' ? 'ok' : outcome.message);
      };
      const all = [submit(1), submit(2)];
      const batch = await handler.next();
      expect(answers).toEqual([]);
      batch.finish();
      if (keysOf(batch).length < 2) await handler.finishAll(1);
      await Promise.all(all);
      expect(answers).toEqual([refusal.taken('k1').message, refusal.taken('k2').message]);
    }));

  test('[D2] commands of a user in a conversation are delivered in the order submitted, in limited batches', () =>
    using({ ...roomy, batchMax: 7, batchPerUserMax: 5 }, async (log, handler) => {
      const keys = Array.from({ length: 50 }, (_, index) => index);
      const users = ['ann', 'bob', 'cat'];
      const all = keys.map((key) => log.submit(command(key, users[key % 3])));
      const handled: string[] = [];
      while (handled.length < keys.length) {
        const batch = await handler.next();
        expect(batch.commands.length).toBeLessThanOrEqual(7);
        for (const user of users)
          expect(batch.commands.filter(({ from }) => String(from) === user).length).toBeLessThanOrEqual(5);
        handled.push(...keysOf(batch));
        batch.finish();
      }
      for (const remainder of [0, 1, 2]) {
        const ofUser = keys.filter((key) => key % 3 === remainder).map((key) => `k${key}`);
        expect(handled.filter((key) => ofUser.includes(key))).toEqual(ofUser);
      }
      expect((await Promise.all(all)).map(codeOf)).toEqual(keys.map(() => 'conflict'));
    }));

  test("[D8] one user's backlog delays another user's command by at most one batch", () =>
    using({ ...roomy, batchMax: 4, batchPerUserMax: 2 }, async (log, handler, arrived) => {
      const backlog = Array.from({ length: 20 }, (_, index) => log.submit(command(index)));
      const first = await handler.next();
      const late = log.submit(command('late', 'bob'));
      await arrived(backlog.length + 1);
      first.finish();
      let behind = await handler.next();
      // Batches in flight do not count.
      while (!keysOf(behind).includes('klate')) {
        expect(handler.runningMax).toBeGreaterThan(1);
        behind.finish();
        behind = await handler.next();
        expect(keysOf(behind)).toContain('klate');
      }
      behind.finish();
      await finishUntil(Promise.all(backlog), handler);
      expect(codeOf(await late)).toBe('conflict');
    }));
}

/** A log may deliver the commands of a failed batch again, one by one. */
async function finishUntil(
  settled: Promise<unknown>,
  handler: HeldHandler,
  finish = (batch: Batch) => batch.finish(),
): Promise<void> {
  let isOver = false;
  const over = settled.then(() => {
    isOver = true;
  });
  while (!isOver) await Promise.race([over, handler.next().then(finish)]);
}

function boundsAndFailures(using: Using): void {
  test('at the limit a submit fails immediately as overloaded, and there is room again once commands have outcomes', () =>
    using({ ...roomy, queueMax: 4, batchMax: 1 }, async (log, handler) => {
      const accepted = [1, 2, 3, 4].map((key) => log.submit(command(key)));
      const refused = await log.submit(command(5));
      expect(refused).toMatchObject({ type: 'failed', code: 'overloaded', retryAfterMs: expect.any(Number) });
      (await handler.next()).finish();
      expect(codeOf((await accepted[0]) ?? refused)).toBe('conflict');
      accepted.push(log.submit(command(6)));
      await handler.finishAll(4);
      expect((await Promise.all(accepted)).map(codeOf)).toEqual(accepted.map(() => 'conflict'));
    }));

  test('[D8] a user at the limit per user fails as overloaded while others are accepted', () =>
    using({ ...roomy, queuePerUserMax: 3 }, async (log, handler) => {
      const accepted = [1, 2, 3].map((key) => log.submit(command(key)));
      expect(codeOf(await log.submit(command(4)))).toBe('overloaded');
      accepted.push(log.submit(command(5, 'bob')));
      await handler.finishAll(4);
      expect((await Promise.all(accepted)).map(codeOf)).toEqual(accepted.map(() => 'conflict'));
    }));

  test('[D6] commands of a batch whose handler failed have an unknown outcome, and the next batch is executed', () =>
    using(roomy, async (log, handler) => {
      const first = [log.submit(command(1)), log.submit(command(2, 'bob'))];
      const outcomes = Promise.all(first);
      await finishUntil(outcomes, handler, (batch) => (batch.commands.length === 0 ? batch.finish() : batch.fail()));
      expect((await outcomes).map(codeOf)).toEqual(['unknown_outcome', 'unknown_outcome']);
      const second = log.submit(command(3));
      await handler.finishAll(1);
      expect(codeOf(await second)).toBe('conflict');
    }));
}

function draining(using: Using): void {
  test('drain finishes the accepted commands and refuses later ones', () =>
    using({ ...roomy, batchMax: 1 }, async (log, handler) => {
      const accepted = [1, 2, 3, 4].map((key) => log.submit(command(key)));
      const first = await handler.next();
      const drained = log.drain();
      expect(codeOf(await log.submit(command(5)))).toBe('unavailable');
      first.finish();
      await handler.finishAll(3);
      await drained;
      expect((await Promise.all(accepted)).map(codeOf)).toEqual(accepted.map(() => 'conflict'));
    }));

  test('an idle log drains immediately, and draining is idempotent', () =>
    using(roomy, async (log) => {
      await log.drain();
      await log.drain();
      expect(codeOf(await log.submit(command(1)))).toBe('unavailable');
    }));
}
