// Keeps a core's notices in step with those that other cores of the cluster publish and withdraw.

import type { Log } from '@hongyan/base/log';
import { type EventBus, everyoneTopic } from '../../ports/event-bus/event-bus.ts';
import type { NoticeStore } from '../../ports/notice-store/notice-store.ts';
import type { Notices } from '../../roles/core/notices.ts';

interface FollowOptions {
  readonly store: NoticeStore;
  readonly bus: EventBus;
  readonly log: Log;
}

/** A notice is stored before it is published, so a read after the event includes it. The returned function ends the subscription. */
export async function followNotices(
  notices: Pick<Notices, 'replace'>,
  { store, bus, log }: FollowOptions,
): Promise<() => void> {
  const readAgain = () => {
    store.read().then(
      (all) => notices.replace(all),
      (error: unknown) => log.warn('failed to read notices: the cached ones stay in force', { error }),
    );
  };
  const attachment = bus.attach({ onEvent: readAgain, onLoss: readAgain });
  await attachment.subscribe([everyoneTopic]);
  // Changes between the core's first read and the subscription were not reported.
  notices.replace(await store.read());
  return () => attachment.detach();
}
