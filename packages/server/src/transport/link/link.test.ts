// The real core by direct call and over the link, and the bus over the link: the same suites.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { openCore } from '../../compose/core.ts';
import { loadConfig } from '../../config/load.ts';
import type { Core } from '../../ports/core/core.ts';
import { coreContract } from '../../ports/core/testing/contract.ts';
import { createMemoryEventBus } from '../../ports/event-bus/memory-event-bus.ts';
import { eventBusContract } from '../../ports/event-bus/testing/contract.ts';
import { openLink } from './testing/link.ts';

coreContract('core by direct call', async () => {
  const { core, bus, close } = await realCore();
  return { core, bus, settle: async () => {}, remove: close };
});

coreContract('core over the link', async () => {
  const { core, bus, close } = await realCore();
  const link = await openLink({ core, bus });
  return {
    core: link.client.core,
    bus: link.client.bus,
    settle: link.settle,
    async remove() {
      await link.remove();
      await close();
    },
  };
});

eventBusContract('event bus over the link', async () => {
  const bus = createMemoryEventBus();
  // The bus alone is asked, and one question whose answer says that all before it arrived.
  const core = { presence: async () => [] } as Partial<Core> as Core;
  const link = await openLink({ core, bus });
  return { bus, elsewhere: link.client.bus, settle: link.settle, remove: link.remove };
});

async function realCore() {
  const data = await mkdtemp(join(tmpdir(), 'hongyan-core-'));
  const loaded = loadConfig({ argv: ['--data', data], env: {}, readFile: () => '' });
  if (loaded.type === 'error') throw new Error(loaded.message);
  const opened = await openCore(loaded.config, { log: silentLog, clock: systemClock });
  return {
    ...opened,
    async close() {
      await opened.close();
      await rm(data, { recursive: true, force: true });
    },
  };
}
