// The handler of each operation: the core's method, or the gateway itself where only it has the answer.

import { reachableUrl } from '@hongyan/base/address';
import { ok } from '@hongyan/base/result';
import { type OperationName, operationNames } from '@hongyan/protocol/operations/operations';
import type { Core, CoreOperation, CoreOperations, GatewayOperation } from '../../ports/core/core.ts';
import type { Handlers } from './pipeline.ts';

export interface ListenAddress {
  readonly hostname: string;
  /** As bound. */
  readonly port: number;
  readonly isTls: boolean;
}

export interface HandlersOptions {
  readonly core: Core;
  /** Empty: clients use the address of their request. */
  readonly publicUrl: string;
  readonly listenAddress: () => ListenAddress;
}

export function createHandlers({ core, publicUrl, listenAddress }: HandlersOptions): Handlers {
  return {
    ...coreHandlers(core),
    route: async (_caller, _input, sender) => {
      const askedBy = sender.type === 'http' ? sender.host : null;
      return ok({ addresses: [{ url: publicUrl === '' ? reachableUrl({ ...listenAddress(), askedBy }) : publicUrl }] });
    },
  };
}

const isCoreOperation = (name: OperationName): name is CoreOperation => name !== 'route';

function coreHandlers(core: Core): Omit<Handlers, GatewayOperation> {
  const handlers = operationNames.filter(isCoreOperation).map((name) => [name, coreHandler(core, name)]);
  return Object.fromEntries(handlers) as Omit<Handlers, GatewayOperation>;
}

function coreHandler<N extends CoreOperation>(core: CoreOperations, name: N): CoreOperations[N] {
  const handle = core[name];
  return ((caller, input) => handle.call(core, caller, input)) as CoreOperations[N];
}
