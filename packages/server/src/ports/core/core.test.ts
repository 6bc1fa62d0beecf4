// The contract, with direct calls.

import { openWorld } from '../../roles/core/testing/world.ts';
import { coreContract } from './testing/contract.ts';

coreContract('core by direct call', async () => {
  const { core, bus, close } = await openWorld();
  return { core, bus, settle: async () => {}, remove: close };
});
