// The rows of events: reads, and the removal of the oldest.

import { assert } from '@hongyan/base/assert';
import type { EventType } from '@hongyan/protocol/events';
import type { Seq } from '@hongyan/protocol/ids';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { Ends, EventLog, EventPage, Position, StoredEvent } from '../event-log.ts';
import type { LockedLog } from './locked-log.ts';

/** The maximum number of positions that a read scans for its types. */
const scanMax = 5_000;
/** The maximum number of events that one transaction removes, because appends wait for it. */
const removedAtOnce = 2_000;

interface EventRow {
  readonly position: number;
  readonly id: string;
  readonly type: EventType;
  readonly at_ms: number;
  readonly lane: string;
  readonly seq: Seq | null;
  readonly data: string;
}

interface PageRow extends Omit<EventRow, 'position'> {
  readonly last_position: number;
  readonly removed_through: number;
  /** null in the single row of an empty page. */
  readonly position: number | null;
}

export async function readEvents(
  pool: MysqlPool,
  { after, limit, types = [] }: Parameters<EventLog['read']>[0],
): Promise<EventPage> {
  const isFiltered = types.length > 0;
  // One statement reads one snapshot, so that events that retention removes meanwhile are either in the page or reported as a gap.
  const rows = await pool.read<PageRow>(
    `select l.last_position, l.removed_through, e.position, e.id, e.type, e.at_ms, e.lane, e.seq, e.data
     from log l left join event e on e.position > ?
       ${isFiltered ? `and e.position <= greatest(?, l.removed_through) + ${scanMax} and e.type in (?)` : ''}
     where l.no = 1 order by e.position limit ?`,
    [after, ...(isFiltered ? [after, [...types]] : []), limit],
  );
  const [first] = rows;
  assert(first, 'an event log has its row since it was first opened');
  const { last_position: end, removed_through: removedThrough } = first;
  const from = Math.max(after, removedThrough);
  const through = isFiltered ? Math.min(end, from + scanMax) : end;
  const events = rows.flatMap((row) => (row.position === null ? [] : [eventOf({ ...row, position: row.position })]));
  const position = events.length === limit ? (events.at(-1)?.position ?? through) : Math.max(from, through);
  return { events, position, isAtEnd: position >= end, hasGap: after < removedThrough };
}

export async function eventAt(pool: MysqlPool, position: number): Promise<StoredEvent | undefined> {
  const [row] = await pool.read<EventRow>(
    'select position, id, type, at_ms, lane, seq, data from event where position = ?',
    [position],
  );
  return row && eventOf(row);
}

interface LogRow {
  readonly epoch: string;
  readonly last_position: number;
  readonly removed_through: number;
  readonly bytes: number;
  readonly feed_position: Position | null;
  readonly oldest_ms: number | null;
}

export async function readLog(pool: MysqlPool): Promise<{
  readonly epoch: string;
  readonly feedPosition: Position | undefined;
  readonly ends: Ends;
}> {
  const [row] = await pool.read<LogRow>(
    `select epoch, last_position, removed_through, bytes, feed_position,
       (select at_ms from event order by position limit 1) oldest_ms from log where no = 1`,
  );
  assert(row, 'an event log has its row since it was first opened');
  const { removed_through: removedThrough, last_position: end, oldest_ms, bytes } = row;
  return {
    epoch: row.epoch,
    feedPosition: row.feed_position ?? undefined,
    ends: { removedThrough, end, oldestMs: oldest_ms ?? undefined, bytes },
  };
}

/** Removes by age the prefix before the first younger event, and by size the oldest events. */
export async function removeEvents(
  log: LockedLog,
  { beforeMs, bytesMax }: Parameters<EventLog['retain']>[0],
): Promise<boolean> {
  await log.flush();
  const oldest = await log.statements.rows<{ position: number; at_ms: number; size: number }>(
    'select position, at_ms, size from event order by position limit ?',
    [removedAtOnce],
  );
  const excess = log.bytes - bytesMax;
  let bytes = 0;
  let count = 0;
  for (const { at_ms, size } of oldest) {
    if (at_ms >= beforeMs && bytes >= excess) break;
    bytes += size;
    count++;
  }
  const through = oldest[count - 1]?.position;
  if (through === undefined) return false;
  await log.statements.run('delete from event where position <= ?', [through]);
  log.removed({ through, bytes });
  return count === removedAtOnce;
}

function eventOf({ position, id, type, at_ms, lane, seq, data }: EventRow): StoredEvent {
  return { position, id, type, atMs: at_ms, lane, dataJson: data, ...(seq === null ? {} : { seq }) };
}
