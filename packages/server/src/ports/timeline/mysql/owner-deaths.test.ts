import { afterAll, beforeAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { describeWith } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import type { LogPosition } from '../../../domain/fence.ts';
import { historyOf } from '../testing/entries.ts';
import { byConversation, readAll } from '../testing/feed-contract.ts';
import { TimelineDatabase } from './testing/timeline-database.ts';

const killsMax = 50;
const pausesMax = 6;
/** The time for which a paused owner keeps its row locks. */
const limits = { sessionIdleS: 2, lockWaitS: 1, attemptsMax: 10, idleMin: 1 };
const partition = 3;

describeWith(['mysql'], 'owners of a partition that die, or are paused', (addresses) => {
  let database: TimelineDatabase;
  beforeAll(async () => {
    database = await TimelineDatabase.make(addresses);
  });
  afterAll(() => database.remove());

  test('[D1, D2, D3] no offset is lost or doubled, whenever its owner is killed or paused', async () => {
    const seed = testSeed('deaths of owners');
    const random = createRandom(seed);
    const timeline = await database.open(limits);
    for (let round = 0; round < killsMax + pausesMax; round++) {
      const owner = await Owner.start(database, Math.floor(random() * 1e9));
      await Bun.sleep(random() * 60);
      const isPaused = round % 9 === 8;
      owner.process.kill(isPaused ? 'SIGSTOP' : 'SIGKILL');
      if (!isPaused) await owner.process.exited;
      const position = await timeline.claim(partition);
      await expectAll(position);
      if (!isPaused) continue;
      owner.process.kill('SIGCONT');
      await owner.process.exited;
      expect(owner.printed.trim().split('\n').at(-1)).toBe('fenced');
      expect((await timeline.claim(partition)).offset).toBe(position.offset);
      await expectAll(position);
    }

    /** The store has the entries of the log up to the offset. */
    async function expectAll({ offset }: LogPosition): Promise<void> {
      const keys = Array.from({ length: offset }, (_, index) => index).filter((index) => index % 10 !== 9);
      const conversations = await Promise.all(
        [0, 1, 2, 3, 4].map((index) => historyOf(timeline, `g:${partition}:${index}`)),
      );
      for (const [index, history] of conversations.entries()) {
        const own = keys.filter((key) => key % 5 === index);
        expect(history.map(({ clientMsgId }) => String(clientMsgId))).toEqual(own.map((key) => `${partition} ${key}`));
        expect(history.map(({ seq }) => Number(seq))).toEqual(own.map((_, at) => at + 1));
      }
      const page = await readAll(timeline.feed, await timeline.feed.start(), 1_000);
      expect(byConversation(page.entries)).toEqual(conversations.flat());
    }
  }, 600_000);
});

class Owner {
  printed = '';
  readonly process: Bun.Subprocess<'ignore', 'pipe', 'inherit'>;

  /** Resolves once it owns the partition. */
  static async start(database: TimelineDatabase, seed: number): Promise<Owner> {
    const program = join(import.meta.dir, 'testing/endless-owner.ts');
    const options = [database.address, limits].map((value) => JSON.stringify(value));
    const args = [process.execPath, program, ...options, String(partition), String(seed)];
    const owner = new Owner(Bun.spawn(args, { stdout: 'pipe', stderr: 'inherit' }));
    await until(() => owner.printed.includes('\n'), { withinMs: 60_000, what: 'the partition to be claimed' });
    return owner;
  }

  private constructor(process: Bun.Subprocess<'ignore', 'pipe', 'inherit'>) {
    this.process = process;
    void this.#listen();
  }

  async #listen(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.process.stdout) this.printed += decoder.decode(chunk);
  }
}
