// A registered device as a row, the same in SQLite and MySQL.

import type { DeviceId, DeviceToken, UserId } from '@hongyan/protocol/ids';
import type { RegisteredDevice } from './devices.ts';

export interface DeviceRow {
  readonly no: number;
  readonly token: DeviceToken;
  readonly model: string;
  readonly firmware: string;
  readonly registered_at: number;
  readonly details: string;
  readonly user_id: UserId | null;
  readonly id: DeviceId | null;
  readonly last_seen: number | null;
}

export const toDevice = (row: DeviceRow): RegisteredDevice => ({
  deviceToken: row.token,
  model: row.model,
  firmware: row.firmware,
  registeredAtMs: row.registered_at,
  detailsJson: row.details,
  ...(row.user_id === null ? {} : { userId: row.user_id }),
  ...(row.id === null ? {} : { deviceId: row.id }),
  ...(row.last_seen === null ? {} : { lastSeenMs: row.last_seen }),
});
