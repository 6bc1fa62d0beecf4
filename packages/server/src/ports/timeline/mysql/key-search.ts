// Finds the entries of all senders that used a client_msg_id. Keys are ordered by sender, so all of them are scanned, in pieces of one
// short statement each. The search fails when there are too many keys.

import { StoreFailure } from '@hongyan/base/result';
import type { ClientMsgId, ConversationId } from '@hongyan/protocol/ids';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { StoredEntry } from '../timeline.ts';
import { type EntryRow, entryColumns, entryOf } from './rows.ts';
import { keptFrom } from './schema.ts';

export interface KeySearchLimits {
  /** The number of keys per statement. */
  readonly pieceMax: number;
  /** The maximum number of keys per search, which take the database some seconds. */
  readonly keysMax: number;
}

const limitDefaults: KeySearchLimits = { pieceMax: 100_000, keysMax: 10_000_000 };

type FoundRow = EntryRow & { readonly id: Buffer };

/** Rejects with `unavailable` when there are more than `keysMax` keys. */
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
        `the client_msg_id was not found among the keys of ${keysMax} messages, and there are more: name its sender`,
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

/** `through` is undefined for the last piece. */
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
