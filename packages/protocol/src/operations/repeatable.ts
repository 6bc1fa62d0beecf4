// Operations that may be asked again when an answer is lost: twice has the effect of once.

import { type OperationName, operations } from './operations.ts';

/** They move a position forward, or take away what is then gone. */
const settling: readonly OperationName[] = ['delivered', 'read', 'logout', 'logoutAll'];

/** Reads; what carries a client_msg_id [D3]; and the few that settle something. */
export function isRepeatable(name: OperationName): boolean {
  return repeatable.has(name);
}

const repeatable: ReadonlySet<OperationName> = new Set(
  (Object.keys(operations) as OperationName[]).filter((name) => {
    const { changes, input } = operations[name];
    const hasKey = 'properties' in input && 'client_msg_id' in input.properties;
    return !changes || hasKey || settling.includes(name);
  }),
);
