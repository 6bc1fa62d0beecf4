// Finds a registered device by its token: at the place of its hash, or at one of the next when that has another token.

import type { Database } from 'bun:sqlite';
import type { DeviceRow } from '../device-row.ts';
import type { TokenHashes } from './token-hash.ts';

export interface NamedDeviceRow extends DeviceRow {
  readonly name: string | null;
}

export const deviceColumns =
  'd.no, d.token, k.model, k.firmware, d.registered_at, d.details, d.user_id, d.id, d.name, d.last_seen';

export function byToken(db: Database, hashes: TokenHashes): (token: string) => NamedDeviceRow | undefined {
  const at = db.prepare<NamedDeviceRow, [number]>(
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
