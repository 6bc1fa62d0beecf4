// The writes of the event log as messages to the writer thread.

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
  /** The position of the newest event after the op. */
  readonly end: number;
}

/** false: the write survives the end of the process, but a loss of power may undo it. It is then reported or delivered again. */
export const isDurable = ({ type }: EventLogOp): boolean =>
  type !== 'recordPositions' && type !== 'settle' && type !== 'recordAttempts' && type !== 'retain';
