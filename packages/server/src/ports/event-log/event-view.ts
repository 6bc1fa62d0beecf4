// Renders events for the wire: the stored event, and for timeline entries the content as it is stored now.

import type { EventType, WireEvent } from '@hongyan/protocol/events';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import { restOfEntry } from '../../domain/event-of-entry.ts';
import { formatPosition } from '../timeline/position.ts';
import type { StoredEntry, TimelineReads } from '../timeline/timeline.ts';
import type { EventLog, StoredEvent } from './event-log.ts';

export class EventView {
  readonly #epoch: string;
  readonly #timeline: Pick<TimelineReads, 'messagesAt' | 'range'>;

  constructor({ epoch }: Pick<EventLog, 'epoch'>, timeline: Pick<TimelineReads, 'messagesAt' | 'range'>) {
    this.#epoch = epoch;
    this.#timeline = timeline;
  }

  /** In the order of the events. All messages are read in one query. */
  async render(events: readonly StoredEvent[]): Promise<readonly WireEvent[]> {
    const messages = events.filter(({ type, seq }) => type === 'message.created' && seq !== undefined);
    const found = await this.#timeline.messagesAt(messages.map(placeOf));
    const byPosition = new Map(messages.map(({ position }, index) => [position, found[index]]));
    return Promise.all(
      events.map(async (event) => {
        const entry = byPosition.has(event.position) ? byPosition.get(event.position) : await this.#changeOf(event);
        return this.#whole(event, entry);
      }),
    );
  }

  /** The entry of an event that reports a change of a message. */
  async #changeOf(event: StoredEvent): Promise<StoredEntry | undefined> {
    if (event.seq === undefined) return undefined;
    const { conversationId, seq } = placeOf(event);
    const afterSeq = (seq - 1) as Seq;
    const { entries } = await this.#timeline.range({ conversationId, afterSeq, limit: 1, withTargeted: true });
    return entries[0]?.seq === seq ? entries[0] : undefined;
  }

  #whole({ id, type, atMs, position, dataJson, seq }: StoredEvent, entry: StoredEntry | undefined): WireEvent {
    const data = JSON.parse(dataJson) as Record<string, unknown>;
    return {
      type,
      id,
      timestamp: new Date(atMs).toISOString(),
      position: formatPosition(this.#epoch, position),
      data: seq === undefined ? data : { ...data, ...restOfEntry(type, entry) },
    };
  }
}

const placeOf = ({ lane, seq }: StoredEvent) => ({ conversationId: lane as ConversationId, seq: seq as Seq });

/** [W2] The event that takes the place of the removed events up to a position. */
export function gapEvent(removedThrough: number, nowMs: number): StoredEvent {
  const type: EventType = 'events.gap';
  return {
    position: removedThrough,
    id: `evt_gap_${removedThrough}`,
    type,
    atMs: nowMs,
    lane: gapLane,
    dataJson: JSON.stringify({ reason: 'retention', timestamp: nowMs }),
  };
}

/** No conversation, user or device has this lane. */
export const gapLane = 'gap';
