// The bus of the core: events that are not accepted stop nothing, and cause one log line.

import { expect, test } from 'bun:test';
import { createLog } from '@hongyan/base/log';
import { StoreFailure } from '@hongyan/base/result';
import { ManualClock } from '@hongyan/testing/manual-clock';
import { MemoryEventBus } from '../../ports/event-bus/memory-event-bus.ts';
import { CoreBus } from './core-bus.ts';

test('[R2] publishing resolves and is tracked even if the bus does not accept the events, and is logged once', async () => {
  const lines: string[] = [];
  const log = createLog({ level: 'info', write: (line) => lines.push(line) });
  const away = { publish: () => Promise.reject(new StoreFailure('unavailable', 'away')) };
  const refusing = Object.assign(new MemoryEventBus(), away);
  const bus = new CoreBus(refusing, { clock: new ManualClock(), log, isTracked: true });
  await Promise.all(Array.from({ length: 100 }, () => bus.publish([])));
  await bus.published();
  expect(lines.map((line) => JSON.parse(line).message)).toEqual(['events not published']);
});
