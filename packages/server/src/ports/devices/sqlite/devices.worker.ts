// The devices' writer thread.

import { openWriter } from '../../../adapters/sqlite/open.ts';
import { serveWriterThread } from '../../../adapters/sqlite/writer-thread-server.ts';
import { DeviceStore } from './device-store.ts';
import type { DeviceOp, DeviceResult } from './ops.ts';
import { migrateDevices } from './schema.ts';

export interface DevicesInit {
  readonly path: string;
  readonly maxBytes?: number | undefined;
}

serveWriterThread<DeviceOp, DeviceResult>((init) => {
  const { path, maxBytes } = init as DevicesInit;
  const db = openWriter(path, maxBytes === undefined ? {} : { maxBytes });
  migrateDevices(db);
  return new DeviceStore(db);
});
