// Applies the changes of a batch to messages: states, mentions and erasures.

import type { Insert } from '../../../adapters/mysql/insert.ts';
import type { SqlValue, Statements } from '../../../adapters/mysql/session.ts';
import type { StateChange } from '../timeline.ts';
import type { Planned } from './batch-plan.ts';
import type { MonthNo } from './months.ts';
import { placesTable } from './rows.ts';
import { keptFrom } from './schema.ts';

/** The newest change of a message in the batch, and its erasure, if any. */
interface Changed {
  readonly conversationNo: number;
  readonly seq: number;
  readonly asOfSeq: number;
  readonly stateJson: string;
  readonly isPinned: boolean;
  readonly erasedJson: string | undefined;
  /** Changes of the message before this seq are erased too. */
  readonly erasedBySeq: number;
}

export class MessageChanges {
  readonly #planned: readonly Planned[];
  readonly #changed: readonly Changed[];

  constructor(planned: readonly Planned[]) {
    this.#planned = planned;
    this.#changed = changedBy(planned);
  }

  async write(statements: Statements, insert: (insert: Insert) => Promise<void>): Promise<void> {
    await insert({ into: 'mention (conversation_no, user_id, seq, month)', rows: this.#planned.flatMap(mentionsOf) });
    if (this.#changed.length === 0) return;
    const months = await messageMonths(statements, this.#changed);
    const states: Insert = {
      into: 'message_state (conversation_no, seq, month, as_of_seq, is_pinned, state)',
      rows: this.#changed.flatMap((one, index) => {
        const month = months.get(index);
        // Retention removed the message, so it has no state.
        if (month === undefined) return [];
        return [[one.conversationNo, one.seq, month, one.asOfSeq, one.isPinned ? 1 : 0, one.stateJson]];
      }),
      onDuplicate:
        'on duplicate key update as_of_seq = values(as_of_seq), is_pinned = values(is_pinned), state = values(state)',
    };
    await Promise.all([insert(states), this.#erase(statements)]);
  }

  /** Overwrites the rows, including those of the batch, which are inserted before. */
  async #erase(statements: Statements): Promise<void> {
    const erased = this.#changed.filter(({ erasedJson }) => erasedJson !== undefined);
    if (erased.length === 0) return;
    const { sql: places, values } = placesTable(
      ['no', 'seq', 'by_seq', 'content'],
      erased.map((one) => [one.conversationNo, one.seq, one.erasedBySeq, one.erasedJson ?? '']),
    );
    const at = (alias: string) => `${alias}.conversation_no = p.no and ${alias}.seq = p.seq`;
    const overwrite = 'set e.content = p.content, e.refs = null';
    const changes = [
      `update ${places} straight_join entry e on ${at('e')} ${overwrite}`,
      // The erased entry may have a target itself.
      `update ${places} straight_join entry_change e on ${at('e')} ${overwrite}`,
      `update ${places} straight_join entry_change e
       on e.conversation_no = p.no and e.target_seq = p.seq and e.seq < p.by_seq ${overwrite}`,
      `delete m from ${places} straight_join mention m on ${at('m')}`,
      `insert ignore into erased (conversation_no, seq, month)
       select straight_join e.conversation_no, e.seq, e.month from ${places} join entry e on ${at('e')} where e.is_counted = 1`,
    ];
    await Promise.all(changes.map((sql) => statements.run(sql, values)));
  }
}

function changedBy(planned: readonly Planned[]): readonly Changed[] {
  const changed = new Map<string, Changed>();
  for (const { given, stored, conversationNo } of planned) {
    const { target } = given;
    if (target === undefined) continue;
    const key = `${conversationNo} ${target.seq}`;
    const before = changed.get(key);
    const erases = target.erasedJson !== undefined;
    changed.set(key, {
      conversationNo,
      seq: target.seq,
      asOfSeq: stored.seq,
      stateJson: target.stateJson,
      isPinned: target.isPinned === true,
      erasedJson: erases ? target.erasedJson : before?.erasedJson,
      erasedBySeq: erases ? stored.seq : (before?.erasedBySeq ?? 0),
    });
  }
  return [...changed.values()];
}

function mentionsOf({ given, stored, conversationNo, month }: Planned): [number, string, number, number][] {
  const { mentioned } = given.references ?? {};
  if (mentioned === undefined) return [];
  const users = mentioned === 'all' ? [''] : [...new Set<string>(mentioned)];
  return users.map((userId) => [conversationNo, userId, stored.seq, month]);
}

/** The month of each message, by its index. Removed messages have none. The months of the batch are inserted before. */
async function messageMonths(
  statements: Statements,
  messages: readonly { readonly conversationNo: number; readonly seq: number }[],
): Promise<ReadonlyMap<number, MonthNo>> {
  const places = placesTable(
    ['i', 'no', 'seq'],
    messages.map(({ conversationNo, seq }, index) => [index, conversationNo, seq]),
  );
  const rows = await statements.rows<{ i: number; month: MonthNo }>(
    `select straight_join p.i, max(s.month) month from ${places.sql} join segment s on s.conversation_no = p.no and s.first_seq <= p.seq
     where s.month >= ${keptFrom} group by p.i`,
    places.values,
  );
  return new Map(rows.map(({ i, month }) => [i, month]));
}

/** Sets the state of a retained message without an entry. Does not replace a newer state. */
export const setStateSql = `insert into message_state (conversation_no, seq, month, as_of_seq, is_pinned, state)
  select c.no, ?, s.month, ?, ?, ? from conversation c join segment s on s.conversation_no = c.no
  where c.id = ? and s.first_seq <= ? and s.month >= ${keptFrom} order by s.month desc limit 1
  on duplicate key update
    state = if(values(as_of_seq) >= message_state.as_of_seq, values(state), message_state.state),
    is_pinned = if(values(as_of_seq) >= message_state.as_of_seq, values(is_pinned), message_state.is_pinned),
    as_of_seq = greatest(values(as_of_seq), message_state.as_of_seq)`;

export const setStateValues = ({ conversationId, seq, asOfSeq, stateJson, isPinned }: StateChange): SqlValue[] => [
  seq,
  asOfSeq,
  isPinned ? 1 : 0,
  stateJson,
  conversationId,
  seq,
];
