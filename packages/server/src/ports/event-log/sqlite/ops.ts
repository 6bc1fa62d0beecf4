// The writes of the event log as they travel to the writer thread.

import type { EventLog } from '../event-log.ts';

export type EventLogWrite =
  | 'append'
  | 'beginRecording'
  | 'endRecording'
  | 'recordPositions'
  | 'appendPositionEvents'
  | 'recordPresence'
  | 'retain'
  | 'addEndpoint'
  | 'changeEndpoint'
  | 'removeEndpoint'
  | 'replay'
  | 'replayDead'
  | 'settle'
  | 'recordAttempts';

type OpOf<W extends EventLogWrite> = { readonly type: W; readonly args: Parameters<EventLog[W]> };
export type EventLogOp = { [W in EventLogWrite]: OpOf<W> }[EventLogWrite];
export type ResultOf<W extends EventLogWrite> = Awaited<ReturnType<EventLog[W]>>;

export interface EventLogResult {
  readonly value: ResultOf<EventLogWrite>;
  /** Position of the newest event after the op. */
  readonly end: number;
}

/** Relaxed: survives the end of the process, and may be lost with the power: it is reported, or delivered, again. */
export const isDurable = ({ type }: EventLogOp): boolean =>
  type !== 'recordPositions' && type !== 'settle' && type !== 'recordAttempts' && type !== 'retain';
