// Events that are in no timeline: positions of members and presence. An event is appended when the state differs from the last appended
// one.

import type { ConversationId, Seq, UserId } from '@hongyan/protocol/ids';
import { insertRows } from '../../../adapters/mysql/insert.ts';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { Statements } from '../../../adapters/mysql/session.ts';
import type { EventLog, PresenceChange, ReportedPosition } from '../event-log.ts';
import { positionEvents, presenceEvent } from '../source-events.ts';
import type { LockedLog } from './locked-log.ts';

/** The maximum number of rows that one `retain` removes. */
const removedAtOnce = 2_000;

interface PositionRow {
  readonly conversation_id: ConversationId;
  readonly user_id: UserId;
  readonly delivered_seq: Seq;
  readonly read_seq: Seq;
  readonly delivered_told: Seq;
  readonly read_told: Seq;
}

/** In key order, so that two processes do not deadlock. */
export async function recordPositions(pool: MysqlPool, batch: readonly ReportedPosition[]): Promise<void> {
  const rows = maximaOf(batch).map(({ conversationId, userId, deliveredSeq, readSeq }) => {
    const isUntold = deliveredSeq > 0 ? 1 : 0;
    return [conversationId, userId, deliveredSeq, readSeq, 0, 0, isUntold, 0];
  });
  const insert = {
    into: `member_position
      (conversation_id, user_id, delivered_seq, read_seq, delivered_told, read_told, is_untold, updated_at)`,
    rows,
    onDuplicate: `on duplicate key update
      is_untold = if(values(delivered_seq) > delivered_seq or values(read_seq) > read_seq, 1, is_untold),
      delivered_seq = greatest(delivered_seq, values(delivered_seq)), read_seq = greatest(read_seq, values(read_seq))`,
  };
  await pool.transaction((statements) => insertRows(statements, insert, pool.statementBytesMax));
}

/** One position per member. A read message counts as delivered. */
function maximaOf(batch: readonly ReportedPosition[]): readonly ReportedPosition[] {
  const maxima = new Map<string, ReportedPosition>();
  for (const { conversationId, userId, deliveredSeq, readSeq } of batch) {
    const key = `${conversationId} ${userId}`;
    const before = maxima.get(key);
    maxima.set(key, {
      ...{ conversationId, userId },
      deliveredSeq: Math.max(deliveredSeq, readSeq, before?.deliveredSeq ?? 0) as Seq,
      readSeq: Math.max(readSeq, before?.readSeq ?? 0) as Seq,
    });
  }
  return [...maxima].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, position]) => position);
}

/** The members that have waited longest come first. */
export async function appendPositionEvents(
  log: LockedLog,
  { atMs, limit }: Parameters<EventLog['appendPositionEvents']>[0],
): Promise<boolean> {
  const rows = await log.statements.rows<PositionRow>(
    `select conversation_id, user_id, delivered_seq, read_seq, delivered_told, read_told from member_position
     where is_untold = 1 order by updated_at, conversation_id, user_id limit ? for update`,
    [limit],
  );
  if (rows.length === 0) return false;
  for (const row of rows) {
    const { conversation_id, user_id, delivered_seq, read_seq, delivered_told, read_told } = row;
    const reported = {
      conversationId: conversation_id,
      userId: user_id,
      deliveredSeq: delivered_seq,
      readSeq: read_seq,
    };
    const told = { deliveredSeq: delivered_told, readSeq: read_told };
    for (const event of positionEvents(reported, told, atMs)) log.add(event);
  }
  await log.statements.run(
    `update member_position set is_untold = 0, delivered_told = delivered_seq, read_told = read_seq, updated_at = ?
     where is_untold = 1 and (conversation_id, user_id) in (?)`,
    [atMs, rows.map(({ conversation_id, user_id }) => [conversation_id, user_id])],
  );
  return true;
}

export async function recordPresence(log: LockedLog, batch: readonly PresenceChange[], run: string): Promise<void> {
  if (batch.length === 0) return;
  const { statements, statementBytesMax } = log;
  const users = [...new Set(batch.map(({ userId }) => userId))];
  const wereOnline = await onlineAmong(statements, users);
  const online = new Set(wereOnline);
  for (const change of batch) {
    const { userId, isOnline } = change;
    if (isOnline === online.has(userId)) continue;
    log.add(presenceEvent(change, run));
    if (isOnline) online.add(userId);
    else online.delete(userId);
  }
  const came = users.filter((userId) => online.has(userId) && !wereOnline.has(userId)).map((userId) => [userId]);
  await insertRows(statements, { into: 'online (user_id)', rows: came }, statementBytesMax);
  const gone = users.filter((userId) => !online.has(userId) && wereOnline.has(userId));
  if (gone.length > 0) await statements.run('delete from online where user_id in (?)', [gone]);
}

async function onlineAmong(
  statements: Pick<Statements, 'rows'>,
  users: readonly UserId[],
): Promise<ReadonlySet<UserId>> {
  const rows = await statements.rows<{ user_id: UserId }>('select user_id from online where user_id in (?)', [
    [...users],
  ]);
  return new Set(rows.map(({ user_id }) => user_id));
}

export async function reportedOnline(
  pool: MysqlPool,
  { after, limit }: Parameters<EventLog['reportedOnline']>[0],
): Promise<readonly UserId[]> {
  const rows = await pool.read<{ user_id: UserId }>(
    'select user_id from online where user_id > ? order by user_id limit ?',
    [after ?? '', limit],
  );
  return rows.map(({ user_id }) => user_id);
}

/** Reads without the lock of the log. */
export async function hasUnreported(pool: MysqlPool): Promise<boolean> {
  return (await pool.read('select 1 from member_position where is_untold = 1 limit 1')).length > 0;
}

/** Removes old rows, so that they are not stored for ever. An event whose first copy retention has removed may then be appended again. */
export async function removePositions(
  log: LockedLog,
  { beforeMs }: Parameters<EventLog['retain']>[0],
): Promise<boolean> {
  const removed = await log.statements.run(
    `delete from member_position where is_untold = 0 and updated_at < ? limit ${removedAtOnce}`,
    [beforeMs],
  );
  return removed === removedAtOnce;
}
