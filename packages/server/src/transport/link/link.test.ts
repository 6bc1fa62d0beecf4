// The real core and the bus over the link: the suites that they pass by direct call.

import type { Core } from '../../ports/core/core.ts';
import { coreContract } from '../../ports/core/testing/contract.ts';
import { MemoryEventBus } from '../../ports/event-bus/memory-event-bus.ts';
import { eventBusContract } from '../../ports/event-bus/testing/contract.ts';
import { openWorld } from '../../roles/core/testing/world.ts';
import { openLink } from './testing/link.ts';

coreContract('core over the link', async () => {
  const { core, bus, close } = await openWorld();
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
  const bus = new MemoryEventBus();
  const link = await openLink({ core: {} as Partial<Core> as Core, bus });
  return { bus, elsewhere: link.client.bus, settle: link.settle, remove: link.remove };
});
