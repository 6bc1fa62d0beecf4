// A registered device by its token: at the place of its hash or, where that is another token's, in one of the next.

import type { Database } from 'bun:sqlite';
import type { DeviceId, DeviceToken, UserId } from '@hongyan/protocol/ids';
import type { TokenHashes } from './token-hash.ts';

export interface DeviceRow {
  readonly no: number;
  readonly token: DeviceToken;
  readonly model: string;
  readonly firmware: string;
  readonly registered_at: number;
  readonly details: string;
  readonly user_id: UserId | null;
  readonly id: DeviceId | null;
  readonly name: string | null;
  readonly last_seen: number | null;
}

export const deviceColumns =
  'd.no, d.token, k.model, k.firmware, d.registered_at, d.details, d.user_id, d.id, d.name, d.last_seen';

export function byToken(db: Database, hashes: TokenHashes): (token: string) => DeviceRow | undefined {
  const at = db.prepare<DeviceRow, [number]>(
    `SELECT ${deviceColumns} FROM token_hash h CROSS JOIN device d ON d.no = h.device_no
     CROSS JOIN kind k ON k.no = d.kind_no WHERE h.hash = ?`,
  );
  return (token) => {
    for (let hash = hashes.of(token); ; hash++) {
      const row = at.get(hash);
      if (row === null) return undefined;
      if (row.token === token) return row;
    }
  };
}
