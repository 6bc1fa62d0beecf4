// The notice-store port: the notices in force, so that a restart or another core knows them.

import type { Notice } from '@hongyan/protocol/notice';

/**
 * A put MUST be atomic and stored when it resolves; of puts that run at once, also by several cores where the store is shared, none
 * MUST be lost. The store is bounded by its caller: Notices admits at most 20.
 */
export interface NoticeStore {
  /** In the order of their puts. Notices whose `until` has passed MAY be among them. Rejects when the stored notices are damaged. */
  read(): Promise<readonly Notice[]>;
  /** Replaces the notice with the same id, which moves to the end. Removes every notice whose `until` has passed. Idempotent. */
  put(notice: Notice): Promise<void>;
}
