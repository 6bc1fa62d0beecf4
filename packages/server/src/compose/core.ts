// The core on the embedded profile's stores, as one of a data folder.

import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { createUuidV7 } from '@hongyan/base/uuid';
import type { MsgId } from '@hongyan/protocol/ids';
import { lockFolder } from '../adapters/sqlite/folder-lock.ts';
import { ensureFolder } from '../config/folder-access.ts';
import type { Config } from '../config/options.ts';
import { createMemoryCommandLog } from '../ports/command-log/memory-command-log.ts';
import type { Core } from '../ports/core/core.ts';
import { openSqliteDirectory } from '../ports/directory/sqlite-directory.ts';
import type { EventBus } from '../ports/event-bus/event-bus.ts';
import { createMemoryEventBus } from '../ports/event-bus/memory-event-bus.ts';
import { createMemorySessionRegistry } from '../ports/session-registry/memory-session-registry.ts';
import { listMonths } from '../ports/timeline/month-file.ts';
import { openSqliteTimeline } from '../ports/timeline/sqlite-timeline.ts';
import { createCore } from '../roles/core/core.ts';

export interface OpenCore {
  readonly core: Core;
  readonly bus: EventBus;
  /** Resolves when a store cannot be written any more: only another process can. */
  readonly died: Promise<void>;
  /** Finishes accepted sends, then closes the stores. */
  close(): Promise<void>;
}

export interface Surroundings {
  readonly log: Log;
  readonly clock: Clock;
}

export async function openCore(config: Config, { log, clock }: Surroundings): Promise<OpenCore> {
  await ensureFolder(config.data);
  const lock = lockFolder(config.data);
  const queueMax = config.commandQueueMax;
  const batchMax = config.commitBatchMax;
  const maxBytes = config.storeBytesMax === 0 ? undefined : config.storeBytesMax;
  const { promise: died, resolve: onDeath } = Promise.withResolvers<void>();
  const timelineFolder = join(config.data, 'timeline');
  const directoryPath = join(config.data, 'directory.db');
  assertDirectoryIsThere(directoryPath, timelineFolder);
  const timeline = await openSqliteTimeline({
    dir: timelineFolder,
    log,
    maxBytes,
    queueMax: queueMax * 2,
    batchMax,
    onDeath,
  });
  const directory = await openSqliteDirectory({
    path: directoryPath,
    log,
    maxBytes,
    queueMax: queueMax * 10,
    batchMax,
    onDeath,
  });
  const bus = createMemoryEventBus();
  const core = createCore({
    openCommandLog: (handle) => createMemoryCommandLog(handle, { queueMax, batchMax, log }),
    timeline,
    directory,
    bus,
    registry: createMemorySessionRegistry(),
    clock,
    log,
    newMsgId: createUuidV7(() => clock.nowMs()) as () => MsgId,
    limits: {
      contentBytesMax: config.contentBytesMax,
      pageMax: config.pageMax,
      // A few pages may be on their way to one connection before it counts as slow.
      pageBytesMax: Math.floor(config.connectionBacklogBytesMax / 4),
      groupMembersMax: config.groupMembersMax,
      membersInlineMax: config.membersInlineMax,
      receiptsPushMax: config.receiptsPushMax,
    },
    areNewMembersShownHistory: config.historyVisibleToNewMembers,
  });
  return {
    core,
    bus,
    died,
    async close() {
      await core.drain();
      await timeline.close();
      await directory.close();
      lock.release();
    },
  };
}

/** A directory made anew beside a timeline would give its user ids, and with them its messages, to whoever signs up first. */
function assertDirectoryIsThere(path: string, timelineFolder: string): void {
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (bytes > 0 || !existsSync(timelineFolder) || listMonths(timelineFolder).length === 0) return;
  throw new Error(`${path} is missing or empty, though ${timelineFolder} has messages: put it back from a backup`);
}
