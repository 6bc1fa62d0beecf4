// The SQL of all reads of a month's file. All reads are ranges of a key. CROSS JOIN fixes the order of the loops, so that each inner table
// is read by its primary key.

import type { Database } from 'bun:sqlite';
import type { ConversationId, Seq } from '@hongyan/protocol/ids';
import type { EntryRow } from './entry-row.ts';
import type { PackedId } from './packed-id.ts';

export interface LocatedRow extends EntryRow {
  readonly conversation_id: ConversationId;
}

/** The first or the last entry of a conversation. */
export interface EndRow {
  readonly seq: Seq;
  readonly p: number;
  readonly count: number;
}

/** The head of a conversation at the end of a month. */
export interface MonthHead extends EndRow {
  readonly id: ConversationId;
  /** Timestamp of the newest counted entry; null when the month has none. */
  readonly countedMs: number | null;
}

export interface StateRow {
  readonly seq: Seq;
  readonly as_of_seq: Seq;
  readonly state: string;
}

export type MonthStatements = ReturnType<typeof prepareMonth>;

export const prepareMonth = (db: Database) => ({
  ...preparePages(db),
  ...prepareEnds(db),
  ...prepareStates(db),
  ...prepareMentions(db),
  ...prepareLookups(db),
});

const shared =
  'e.n & 4294967295 AS seq, e.p, e.msg_id, s.id AS sender, e.client_msg_id, e.timestamp, e.content, e.count';
const entryColumns = `${shared}, e.is_counted, e.refs, NULL AS target_seq`;
const changeColumns = `${shared}, 0 AS is_counted, NULL AS refs, e.target & 4294967295 AS target_seq`;
const ofConversation = 'c.id = ?1 AND e.n > (c.no << 32)';
const beforeNext = 'e.n < (c.no + 1) << 32';

function preparePages(db: Database) {
  const from = (table: string) =>
    `FROM conversation c CROSS JOIN ${table} e CROSS JOIN sender s WHERE s.no = e.sender_no AND ${ofConversation}`;
  const after = `+ ?2 AND ${beforeNext} AND e.p <= ?4`;
  const before = 'AND e.n < (c.no << 32) + ?2 AND e.p <= ?4';
  const page = (end: string, order: string) =>
    db.prepare<EntryRow, [string, number, number, number]>(
      `SELECT ${entryColumns} ${from('entry')} ${end} ORDER BY e.n ${order} LIMIT ?3`,
    );
  // Both tables are ordered by n, so that SQLite merges them and reads only the page.
  const merged = (end: string, order: string) =>
    db.prepare<EntryRow, [string, number, number, number]>(
      `SELECT ${entryColumns}, e.n AS n ${from('entry')} ${end}
       UNION ALL SELECT ${changeColumns}, e.n AS n ${from('change')} ${end} ORDER BY n ${order} LIMIT ?3`,
    );
  return {
    after: page(after, 'ASC'),
    before: page(before, 'DESC'),
    afterMerged: merged(after, 'ASC'),
    beforeMerged: merged(before, 'DESC'),
    at: db.prepare<EntryRow, [string, number]>(`SELECT ${entryColumns} ${from('entry')} AND e.n = (c.no << 32) + ?2`),
    lastCounted: db.prepare<EntryRow, [string]>(
      `SELECT ${entryColumns} ${from('entry')} AND ${beforeNext} AND e.is_counted ORDER BY e.n DESC LIMIT 1`,
    ),
  };
}

/** n of the newest row of a conversation `c`; NULL when it has none. */
const lastOf = (table: string, condition = ''): string =>
  `(SELECT n FROM ${table} WHERE n > c.no << 32 AND n < (c.no + 1) << 32 ${condition} ORDER BY n DESC LIMIT 1)`;

/** The first and the last entry of a conversation in the month. */
function prepareEnds(db: Database) {
  const end = (table: string, order: string) =>
    `SELECT * FROM (SELECT e.n & 4294967295 AS seq, e.p, e.count FROM conversation c CROSS JOIN ${table} e
       WHERE ${ofConversation} AND ${beforeNext} ORDER BY e.n ${order} LIMIT 1)`;
  /** At most one row of each table, in no order. */
  const ofBoth = (order: string) =>
    db.prepare<EndRow, [string]>(`${end('entry', order)} UNION ALL ${end('change', order)}`);
  return {
    first: ofBoth('ASC'),
    last: ofBoth('DESC'),
    // Entries with a target do not raise the count, so `entry` is sufficient.
    countBeforeFirst: db.prepare<{ count: number }, [string]>(
      `SELECT e.count - e.is_counted AS count FROM conversation c CROSS JOIN entry e
       WHERE ${ofConversation} AND ${beforeNext} ORDER BY e.n LIMIT 1`,
    ),
    countAt: db.prepare<{ count: number }, [string, number]>(
      `SELECT e.count FROM conversation c CROSS JOIN entry e
       WHERE ${ofConversation} AND e.n <= (c.no << 32) + ?2 ORDER BY e.n DESC LIMIT 1`,
    ),
    // Zeros for a conversation that has a number but no entry in the month.
    heads: db.prepare<MonthHead, [string, number]>(
      `WITH slice AS MATERIALIZED (SELECT id, no FROM conversation WHERE id > ?1 ORDER BY id LIMIT ?2),
         last AS MATERIALIZED (SELECT c.id, max(coalesce(${lastOf('entry')}, 0), coalesce(${lastOf('change')}, 0)) AS n,
           ${lastOf('entry', 'AND is_counted')} AS counted_n FROM slice c)
       SELECT l.id, l.n & 4294967295 AS seq, coalesce(e.p, h.p, 0) AS p, coalesce(e.count, h.count, 0) AS count,
           m.timestamp AS countedMs
         FROM last l LEFT JOIN entry e ON e.n = l.n LEFT JOIN change h ON h.n = l.n LEFT JOIN entry m ON m.n = l.counted_n
         ORDER BY l.id`,
    ),
    lastP: db.prepare<{ p: number | null }, []>(
      'SELECT max(coalesce((SELECT max(p) FROM tail), 0), coalesce((SELECT max(p) FROM feed), 0)) AS p',
    ),
  };
}

function prepareStates(db: Database) {
  const range = 'c.id = ?1 AND m.n BETWEEN (c.no << 32) + ?2 AND (c.no << 32) + ?3';
  const n = '(c.no << 32) + ?2';
  return {
    states: db.prepare<StateRow, [string, number, number]>(
      `SELECT m.n & 4294967295 AS seq, m.as_of_seq, m.state FROM conversation c CROSS JOIN message_state m
       WHERE ${range} ORDER BY m.n`,
    ),
    erased: db.prepare<{ count: number }, [string, number, number]>(
      `SELECT count(*) AS count FROM conversation c CROSS JOIN message_state m INDEXED BY erased_message
       WHERE ${range} AND m.is_erased`,
    ),
    pinned: db.prepare<{ seq: Seq }, [string]>(
      `SELECT m.n & 4294967295 AS seq FROM conversation c CROSS JOIN message_state m INDEXED BY pinned_message
       WHERE c.id = ?1 AND m.n > (c.no << 32) AND m.n < (c.no + 1) << 32 AND m.is_pinned ORDER BY m.n`,
    ),
    isPinned: db.prepare<{ is_pinned: number }, [string, number]>(
      `SELECT m.is_pinned FROM conversation c CROSS JOIN message_state m WHERE c.id = ?1 AND m.n = ${n}`,
    ),
    holds: db.prepare<{ found: number }, [string, number]>(
      `SELECT EXISTS(SELECT 1 FROM entry WHERE n = ${n}) OR EXISTS(SELECT 1 FROM change WHERE n = ${n} OR target = ${n})
         OR EXISTS(SELECT 1 FROM message_state WHERE n = ${n}) AS found FROM conversation c WHERE c.id = ?1`,
    ),
    isBeingErased: db.prepare<{ found: number }, [string, number]>(
      `SELECT EXISTS(SELECT 1 FROM pending_erasure WHERE conversation_no = c.no AND seq = ?2) AS found
       FROM conversation c WHERE c.id = ?1`,
    ),
    unsettled: db.prepare<{ found: number }, []>(
      'SELECT EXISTS(SELECT 1 FROM tail) OR EXISTS(SELECT 1 FROM pending_erasure) AS found',
    ),
  };
}

function prepareMentions(db: Database) {
  return {
    mentions: db.prepare<{ count: number }, [string, string, number, number]>(
      `SELECT count(DISTINCT m.n) AS count FROM conversation c CROSS JOIN mention m
       WHERE c.id = ?1 AND m.sender_no IN (0, (SELECT no FROM sender WHERE id = ?2))
         AND m.n BETWEEN (c.no << 32) + ?3 AND (c.no << 32) + ?4`,
    ),
  };
}

/** Looks up an index that contains n. The entry is in one of the two tables. */
function prepareLookups(db: Database) {
  const either = (column: string) => `coalesce(e.${column}, h.${column})`;
  const columns = `i.n & 4294967295 AS seq, ${either('p')} AS p, ${either('msg_id')} AS msg_id, s.id AS sender,
    ${either('client_msg_id')} AS client_msg_id, ${either('timestamp')} AS timestamp, ${either('content')} AS content,
    ${either('count')} AS count, coalesce(e.is_counted, 0) AS is_counted, e.refs, h.target & 4294967295 AS target_seq,
    c.id AS conversation_id`;
  const located = (index: string) => `SELECT ${columns} FROM ${index} i
    LEFT JOIN entry e ON e.n = i.n LEFT JOIN change h ON h.n = i.n CROSS JOIN conversation c CROSS JOIN sender s
    WHERE c.no = i.n >> 32 AND s.no = ${either('sender_no')}`;
  const tailColumns =
    't.seq, t.p, t.msg_id, s.id AS sender, t.client_msg_id, t.timestamp, t.content, t.count, t.is_counted, t.refs, t.target_seq';
  return {
    byMsgId: db.prepare<LocatedRow, [PackedId]>(`${located('by_msg_id')} AND i.msg_id = ?1 LIMIT 1`),
    byKey: db.prepare<LocatedRow, [PackedId, string]>(
      `${located('by_key')} AND i.client_msg_id = ?1 AND i.sender_no = (SELECT no FROM sender WHERE id = ?2)`,
    ),
    byKeyOfAnyone: db.prepare<LocatedRow, [PackedId]>(`${located('by_key')} AND i.client_msg_id = ?1 ORDER BY s.id`),
    feed: db.prepare<LocatedRow, [number, number, number]>(
      `${located('feed')} AND i.p > ?1 AND i.p <= ?2 ORDER BY i.p LIMIT ?3`,
    ),
    tail: db.prepare<LocatedRow, [number]>(
      `SELECT ${tailColumns}, c.id AS conversation_id FROM tail t CROSS JOIN conversation c CROSS JOIN sender s
       WHERE t.p > ?1 AND c.no = t.conversation_no AND s.no = t.sender_no ORDER BY t.p`,
    ),
  };
}
