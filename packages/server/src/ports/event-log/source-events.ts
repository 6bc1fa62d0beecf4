// The events of receipts, presence and gaps, which are in no timeline. Both adapters create them here.

import type { Clock } from '@hongyan/base/clock';
import { eventIdOf } from '../../domain/event-id.ts';
import type { NewEvent, PresenceChange, ReportedPosition } from './event-log.ts';

/** The events for positions that moved beyond the last appended ones (`told`). */
export function positionEvents(
  reported: ReportedPosition,
  told: Pick<ReportedPosition, 'deliveredSeq' | 'readSeq'>,
  atMs: number,
): readonly NewEvent[] {
  const { conversationId, userId, deliveredSeq, readSeq } = reported;
  const data = {
    conversation_id: conversationId,
    user_id: userId,
    delivered_seq: deliveredSeq,
    read_seq: readSeq,
    timestamp: atMs,
  };
  const dataJson = JSON.stringify(data);
  const eventOf = (type: 'message.delivered' | 'message.read', seq: number): NewEvent => ({
    ...{ id: eventIdOf(type, conversationId, userId, seq), type, atMs, lane: conversationId, dataJson },
  });
  return [
    ...(deliveredSeq > told.deliveredSeq ? [eventOf('message.delivered', deliveredSeq)] : []),
    ...(readSeq > told.readSeq ? [eventOf('message.read', readSeq)] : []),
  ];
}

/** Reports that events are missing from the log. `run`: see `presenceEvent`. */
export function recordingGap(
  reason: 'retention' | 'store_replaced' | 'not_recorded',
  { clock, run }: { readonly clock: Clock; readonly run: string },
): NewEvent {
  const atMs = clock.nowMs();
  const id = eventIdOf('events.gap', reason, atMs, run);
  return { id, type: 'events.gap', atMs, lane: 'gap', dataJson: JSON.stringify({ reason, timestamp: atMs }) };
}

/** `run` identifies a run of the process. It makes the ids of two runs differ when the times are equal. */
export function presenceEvent({ userId, isOnline, atMs }: PresenceChange, run: string): NewEvent {
  const type = isOnline ? 'user.online' : 'user.offline';
  const dataJson = JSON.stringify({ user_id: userId, timestamp: atMs });
  return { id: eventIdOf(type, userId, atMs, run), type, atMs, lane: `user ${userId}`, dataJson };
}
