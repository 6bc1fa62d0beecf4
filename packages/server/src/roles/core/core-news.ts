// Invalidates cached memberships that other cores have changed.

import { type BusAttachment, coresTopic, type EventBus } from '../../ports/event-bus/event-bus.ts';
import type { MembershipCache } from './membership-cache.ts';

export class CoreNews {
  readonly #attachment: BusAttachment;

  constructor(bus: EventBus, memberships: Pick<MembershipCache, 'forget' | 'forgetAll'>) {
    this.#attachment = bus.attach({
      onEvent(event) {
        if (event.type === 'members_changed') memberships.forget(event.conversationId, event.userIds);
      },
      onLoss(topics) {
        if (topics === undefined || topics.includes(coresTopic)) memberships.forgetAll();
      },
    });
  }

  /** Resolves when the subscription is in force: later changes are not missed. */
  follow(): Promise<void> {
    return this.#attachment.subscribe([coresTopic]);
  }

  stop(): void {
    this.#attachment.detach();
  }
}
