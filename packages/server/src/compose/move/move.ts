// Moves the store of a data folder into a cluster while its server serves: everything is copied, what changes meanwhile is followed, and
// when little is left the server hands over. From then on, for less than a second where the disk keeps up, nobody is served: the rest is
// copied and checked, the folder is marked, and the cluster's processes, which waited, start.

import { type Clock, sleep } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { type FolderLock, lockFolder } from '../../adapters/sqlite/folder-lock.ts';
import { dataLayout } from '../../config/data-layout.ts';
import { assertNotMovedElsewhere, removeMoved, writeMoved } from '../../config/moved.ts';
import type { Config } from '../../config/options.ts';
import { FileNoticeStore } from '../../ports/notice-store/file-notice-store.ts';
import type { MoveState } from '../../ports/timeline/mysql/origin.ts';
import { Closing } from '../closing.ts';
import { EntriesMove } from './entries-move.ts';
import type { MoveProgress, MoveReport } from './progress.ts';
import { openRestOfTarget, type RestOfTarget } from './rest-of-target.ts';
import { MoveSource, type SourceCounts } from './source.ts';
import { TablesMove } from './tables-move.ts';
import { MoveTarget } from './target.ts';

export interface MoveOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: MoveProgress) => void;
  /** Asks the server on the folder to leave; resolves at once when none runs. */
  readonly askToLeave: () => Promise<void>;
}

/** A round that takes so long at most is what the switch may take. */
const roundMsWanted = 250;
const roundsMax = 30;
const leftWithinMs = 60_000;
const lockPollMs = 5;

/** Resolves when the cluster may start. When it rejects, or the process dies, the same again goes on where it was. */
export async function moveIntoCluster(options: MoveOptions): Promise<MoveReport | 'moved before'> {
  const { data, clusterName } = options.config;
  await assertNotMovedElsewhere(data, clusterName);
  const closing = new Closing();
  try {
    const source = await MoveSource.open(data);
    closing.push(() => source.close());
    const target = await MoveTarget.open(options.config, options, closing);
    const before = await assertMayMove(source, target, options.config);
    if (before?.isComplete) return 'moved before';
    const rest = await openRestOfTarget(options.config, options, closing);
    // A damaged file is reported before the server has left.
    await noticesOf(options).read();
    return await new Move(options, { source, target, rest }).run();
  } finally {
    await closing.run();
  }
}

/** What comes with the entries is copied as a whole each time. */
export interface MoveCheck extends SourceCounts {
  readonly entries: number;
  /** Of these: in the cluster already. */
  readonly moved: number;
}

/** What there is to be moved. Rejects where a move would; makes databases, tables and topics that are missing. */
export async function checkMove(options: Pick<MoveOptions, 'config' | 'clock' | 'log'>): Promise<MoveCheck> {
  const { data, clusterName } = options.config;
  await assertNotMovedElsewhere(data, clusterName);
  const closing = new Closing();
  try {
    const source = await MoveSource.open(data);
    closing.push(() => source.close());
    const target = await MoveTarget.open(options.config, options, closing);
    const before = await assertMayMove(source, target, options.config);
    await openRestOfTarget(options.config, options, closing);
    const { timeline } = source;
    return {
      entries: timeline.countThrough(timeline.end()),
      moved: before === undefined ? 0 : timeline.countThrough(before.through),
      ...source.counts(),
    };
  } finally {
    await closing.run();
  }
}

/** The state of the same move, if it was begun before. Rejects with what is in its way. */
async function assertMayMove(source: MoveSource, target: MoveTarget, config: Config): Promise<MoveState | undefined> {
  const before = await target.timeline.state();
  if (before?.epoch === source.timeline.epoch) return before;
  if (before !== undefined && !before.isComplete)
    throw new Error(
      'the databases contain the unfinished migration of another store: drop them, or choose another --cluster-name',
    );
  await assertEmpty(target, config);
  return undefined;
}

async function assertEmpty(target: MoveTarget, { clusterName }: Config): Promise<void> {
  const why = await target.occupation();
  if (why !== undefined)
    throw new Error(
      `the cluster ${clusterName} is in use: ${why}. A store can be migrated only into an empty cluster: choose another with --cluster-name, or stop its processes and drop its databases`,
    );
}

interface Ends {
  readonly source: MoveSource;
  readonly target: MoveTarget;
  readonly rest: RestOfTarget;
}

const noticesOf = ({ config, clock }: Pick<MoveOptions, 'config' | 'clock'>) =>
  new FileNoticeStore(dataLayout(config.data).notices, clock);

class Move {
  readonly #options: MoveOptions;
  readonly #ends: Ends;
  readonly #entries: EntriesMove;
  readonly #tables: TablesMove;

  constructor(options: MoveOptions, ends: Ends) {
    this.#options = options;
    this.#ends = ends;
    this.#entries = new EntriesMove(ends.source.timeline, ends.target.timeline, options);
    this.#tables = new TablesMove(ends.source, ends.target, options);
  }

  async run(): Promise<MoveReport> {
    await this.#entries.begin();
    await this.#entries.copy('copying entries');
    await this.#tables.pass('copying rows');
    const checked = await this.#entries.checkAll();
    await this.#tables.pass('checking', { isWhole: true });
    const followed = await this.#follow();
    // Few are added until the switch, which sends only those.
    await this.#ends.rest.takeDeadLetters(this.#ends.source.deadLetters());
    const { clock, askToLeave } = this.#options;
    const beganMs = clock.monotonicMs();
    await askToLeave();
    const lock = await this.#lockWhenLeft();
    const leavingMs = clock.monotonicMs() - beganMs;
    try {
      const last = await this.#switch();
      return {
        ...{ conversations: checked.conversations, entries: checked.entries + followed + last.entries },
        ...{ rows: this.#tables.rows, tasks: last.tasks, deadLetters: last.deadLetters },
        ...{ switchMs: clock.monotonicMs() - beganMs, leavingMs },
      };
    } finally {
      lock.release();
    }
  }

  /** Until little is left. Returns how many entries came over. */
  async #follow(): Promise<number> {
    const { clock } = this.#options;
    let copied = 0;
    for (let round = 1; round <= roundsMax; round++) {
      const beganMs = clock.monotonicMs();
      copied += await this.#entries.copy('following');
      await this.#tables.pass('following');
      if (clock.monotonicMs() - beganMs <= roundMsWanted) break;
    }
    return copied;
  }

  async #lockWhenLeft(): Promise<FolderLock> {
    const { clock, config, signal } = this.#options;
    const deadlineMs = clock.monotonicMs() + leftWithinMs;
    for (;;) {
      try {
        return lockFolder(config.data);
      } catch (error) {
        if (signal.aborted || clock.monotonicMs() > deadlineMs) throw error;
      }
      await sleep(clock, { delayMs: lockPollMs });
    }
  }

  /** Nobody writes to the folder. */
  async #switch(): Promise<Pick<MoveReport, 'entries' | 'tasks' | 'deadLetters'>> {
    const { config, clock } = this.#options;
    const { source, target, rest } = this.#ends;
    const marker = { cluster: config.clusterName, atMs: clock.nowMs() };
    await writeMoved(config.data, { ...marker, state: 'switching' });
    let isMoved = false;
    try {
      const entries = await this.#entries.copy('switching');
      await this.#tables.pass('switching');
      await this.#entries.checkRest();
      for (const advances of source.unwrittenSent()) await target.raiseSent(advances);
      const recorded = source.recordedThrough();
      await target.putFeedPosition(recorded && (await this.#entries.feedPositionOf(recorded)));
      const deadLetters = await rest.takeDeadLetters(source.deadLetters());
      const tasks = source.tasks();
      await rest.take({ tasks, notices: await noticesOf(this.#options).read() });
      await target.timeline.assertUnclaimed();
      // From here on the folder's server does not start, whatever happens.
      await writeMoved(config.data, { ...marker, state: 'moved' });
      isMoved = true;
      await target.timeline.complete(this.#entries.through);
      return { entries, tasks: tasks.length, deadLetters };
    } catch (error) {
      if (!isMoved) await removeMoved(config.data);
      throw new SwitchFailed(isMoved, error);
    }
  }
}

/** The server has left, and has to be started again unless the folder is moved already. */
export class SwitchFailed extends Error {
  override readonly name = 'SwitchFailed';
  constructor(
    readonly isMoved: boolean,
    cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
