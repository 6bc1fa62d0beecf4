// What a reader sees while the writer's thread removes events between its statements.

import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openReader, openWriter } from '../../../adapters/sqlite/open.ts';
import { events } from '../testing/drafts.ts';
import { EventReads } from './event-reads.ts';
import { EventStore } from './event-store.ts';
import type { EventLogOp } from './ops.ts';
import { migrate } from './schema.ts';

test('[W2] events that retention removes while a page is read are in the page or reported as a gap', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hongyan-reads-'));
  const path = join(folder, 'events.db');
  const writer = openWriter(path, { cacheBytes: 1024 * 1024 });
  migrate(writer);
  const store = new EventStore(writer);
  const write = (op: EventLogOp) => {
    store.begin([op]);
    store.apply(op);
    store.commit();
  };
  write({ type: 'append', args: [{ events: [...events(3, { atMs: 10 }), ...events(2, { atMs: 20 })] }] });
  const reader = openReader(path, { cacheBytes: 1024 * 1024 });
  const query = reader.query.bind(reader);
  reader.query = ((sql: string) => {
    if (sql.includes('ORDER BY position LIMIT'))
      write({ type: 'retain', args: [{ beforeMs: 15, bytesMax: Number.MAX_SAFE_INTEGER }] });
    return query(sql);
  }) as typeof reader.query;
  const page = new EventReads(reader).read({ after: 1, limit: 10 });
  expect(page.events[0]?.position === 2 || page.hasGap).toBe(true);
  reader.close();
  writer.close();
  rmSync(folder, { recursive: true });
});
