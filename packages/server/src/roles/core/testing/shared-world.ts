// A core that owns a partition of shared stores: SQLite stores, with fences in memory. The test itself delivers the batches of its log.

import { assert } from '@hongyan/base/assert';
import type { Result } from '@hongyan/protocol/refusals';
import { type Fence, Fenced, type LogPosition } from '../../../domain/fence.ts';
import type {
  BatchPlace,
  Command,
  CommandConsumer,
  CommandHandler,
  CommandOutcome,
  CommandProducer,
  PartitionOwner,
} from '../../../ports/command-log/command-log.ts';
import type { Directory, SharedDirectory } from '../../../ports/directory/directory.ts';
import type { NewEntry, SharedTimeline, Timeline } from '../../../ports/timeline/timeline.ts';
import { openWorld, type World, type WorldOptions } from './world.ts';

const partition = 7;

/** The row of the partition, which both stores check. */
export class FenceRow {
  position: LogPosition = { partition, epoch: 0, offset: 0, publishedOffset: 0 };
  /** For each append: the number of entries, and the new offset. */
  readonly appends: (readonly [number, number | undefined])[] = [];

  claim(): LogPosition {
    this.position = { ...this.position, epoch: this.position.epoch + 1 };
    return this.position;
  }

  check(fence: Fence | undefined): void {
    if (fence && fence.epoch !== this.position.epoch) throw new Fenced(fence);
  }

  move(batch: readonly NewEntry[], fence: Fence | LogPosition | undefined): void {
    const moves = fence !== undefined && 'offset' in fence;
    if (moves) this.position = fence;
    this.appends.push([batch.length, moves ? fence.offset : undefined]);
  }
}

/** Delivers the batches of the test. */
class ScriptedLog implements CommandProducer, CommandConsumer {
  handler: CommandHandler | undefined;
  owner: PartitionOwner | undefined;

  submit(): Promise<Result<CommandOutcome>> {
    throw new Error('commands of this log come from the test');
  }

  consume(handle: CommandHandler, owner?: PartitionOwner): void {
    this.handler = handle;
    this.owner = owner;
  }

  async drain(): Promise<void> {}
}

export interface SharedWorld extends World {
  readonly row: FenceRow;
  /** Uses the newest claim, unless `place` overrides it. */
  handle(batch: readonly Command[], place?: Partial<BatchPlace>): Promise<readonly Result<CommandOutcome>[]>;
  readonly owner: PartitionOwner;
}

export async function openSharedWorld({ given = (deps) => deps, ...options }: WorldOptions = {}): Promise<SharedWorld> {
  const row = new FenceRow();
  const log = new ScriptedLog();
  const world = await openWorld({
    ...options,
    given(deps) {
      const timeline = sharedTimeline(deps.timeline, row);
      const directory = sharedDirectory(deps.directory, row);
      const stores = { type: 'shared' as const, timeline, directory };
      return given({ ...deps, ...{ timeline, directory, stores, commands: log } });
    },
  });
  const { handler, owner } = log;
  assert(handler && owner, 'a core consumes its log when it starts');
  await owner.claim(partition);
  return {
    ...world,
    row,
    owner,
    handle: async (
      batch,
      { fence = row.position, offset = row.position.offset + batch.length, mayBeRepeated = false } = {},
    ) => Promise.all(await handler(batch, { fence: { partition, epoch: fence.epoch }, offset, mayBeRepeated })),
  };
}

function sharedTimeline(timeline: Timeline, row: FenceRow): SharedTimeline {
  return withMethods<Timeline, SharedTimeline>(timeline, {
    claim: async () => row.claim(),
    async append(batch: readonly NewEntry[], fence?: Fence | LogPosition) {
      row.check(fence);
      const results = await timeline.append(batch);
      row.move(batch, fence);
      return results;
    },
  });
}

const fencedWrites = ['createConversation', 'updateConversation', 'addMember', 'removeMember', 'setRole'] as const;

function sharedDirectory(directory: Directory, row: FenceRow): SharedDirectory {
  const fenced = fencedWrites.map((name) => [
    name,
    async (value: { readonly fence?: Fence }) => {
      row.check(value.fence);
      return (directory[name] as (value: unknown) => Promise<unknown>)(value);
    },
  ]);
  return withMethods<Directory, SharedDirectory>(directory, {
    claim: async (fence: Fence) => row.check(fence),
    ...Object.fromEntries(fenced),
  });
}

function withMethods<Port extends object, Shared extends Port>(
  port: Port,
  methods: Readonly<Record<string, unknown>>,
): Shared {
  return new Proxy(port, {
    get(target, name) {
      const own = methods[String(name)];
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  }) as Shared;
}
