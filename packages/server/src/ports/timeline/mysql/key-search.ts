// The entries of every sender who used a client_msg_id. Keys lie by sender, so all of them are looked through, a piece at a time: each is
// a short statement, and whoever waits is told when there are too many.

import { StoreFailure } from '@hongyan/base/result';
import type { ClientMsgId, ConversationId } from '@hongyan/protocol/ids';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { StoredEntry } from '../timeline.ts';
import { type EntryRow, entryColumns, entryOf } from './rows.ts';
import { keptFrom } from './schema.ts';

export interface KeySearchLimits {
  /** Keys of one statement. */
  readonly pieceMax: number;
  /** Keys of one search: some seconds of the database. */
  readonly keysMax: number;
}

const limitDefaults: KeySearchLimits = { pieceMax: 100_000, keysMax: 10_000_000 };

type FoundRow = EntryRow & { readonly id: Buffer };

/** Rejects as `unavailable` when there are more keys than it may look at. */
export async function findByKeyOfAnyone(
  pool: MysqlPool,
  clientMsgId: ClientMsgId,
  { pieceMax, keysMax }: KeySearchLimits = limitDefaults,
): Promise<readonly StoredEntry[]> {
  const found: StoredEntry[] = [];
  for (let after: Buffer = Buffer.alloc(0), seen = 0; ; seen += pieceMax) {
    if (seen >= keysMax)
      throw new StoreFailure(
        'unavailable',
        `a client_msg_id is looked for among the keys of ${keysMax} messages, and there are more: say who sent it`,
      );
    const [last] = await pool.read<{ k: Buffer }>('select k from message_key where k > ? order by k limit 1 offset ?', [
      after,
      pieceMax - 1,
    ]);
    found.push(...(await readPiece(pool, clientMsgId, { after, through: last?.k })));
    if (last === undefined) return found;
    after = last.k;
  }
}

/** `through`: absent for the last piece. */
async function readPiece(
  pool: MysqlPool,
  clientMsgId: ClientMsgId,
  { after, through }: { readonly after: Buffer; readonly through: Buffer | undefined },
): Promise<readonly StoredEntry[]> {
  const key = Buffer.from(clientMsgId);
  const values = [after, ...(through === undefined ? [] : [through]), key.length, key, key];
  const select = (entries: string) =>
    `select straight_join c.id, ${entryColumns('e')} from message_key k
     join ${entries} e on e.conversation_no = k.conversation_no and e.seq = k.seq
     join conversation c on c.no = e.conversation_no
     where k.k > ?${through === undefined ? '' : ' and k.k <= ?'} and right(k.k, ?) = ? and e.client_msg_id = ?
     and e.month >= ${keptFrom}`;
  const rows = await pool.read<FoundRow>(`${select('entry')} union all ${select('entry_change')}`, [
    ...values,
    ...values,
  ]);
  return rows.map((row) => entryOf(row, row.id.toString() as ConversationId));
}
