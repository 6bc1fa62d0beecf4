// Moves the devices of sessions from the directory to the device store, where registered devices are in the same table.

import type { Database } from 'bun:sqlite';
import { dirname, join } from 'node:path';
import { closeWriter, openWriter } from '../../../adapters/sqlite/open.ts';
import { migrateDevices } from '../../devices/sqlite/schema.ts';

/** Idempotent: devices that were moved before a crash are found there. Durable when it returns. */
export function moveDevices(directory: Database): void {
  const rows = directory.query<DeviceRow, []>(
    'SELECT u.id AS user_id, d.id, d.name, d.last_seen FROM device d CROSS JOIN user u ON u.no = d.user_no',
  );
  if (rows.get() === null) return;
  const devices = openWriter(join(dirname(directory.filename), 'devices.db'));
  try {
    migrateDevices(devices);
    const put = devices.prepare<unknown, [string, string, string, number]>(
      `INSERT INTO device(user_id, id, name, last_seen) VALUES(?, ?, ?, ?)
       ON CONFLICT(user_id, id) WHERE id IS NOT NULL DO UPDATE SET last_seen = max(last_seen, excluded.last_seen)`,
    );
    devices.transaction(() => {
      for (const { user_id, id, name, last_seen } of rows.iterate()) put.run(user_id, id, name, last_seen);
    })();
  } finally {
    closeWriter(devices);
  }
}

interface DeviceRow {
  readonly user_id: string;
  readonly id: string;
  readonly name: string;
  readonly last_seen: number;
}
