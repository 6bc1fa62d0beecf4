// Idempotent operations: they may be retried when a response is lost.

import { type OperationName, operations } from './operations.ts';

/** Changes that are idempotent without a client_msg_id: they only move a position forward, or revoke. */
const idempotentChanges: readonly OperationName[] = ['delivered', 'read', 'logout', 'logoutAll'];

/** True for reads, for operations with a client_msg_id [D3], and for a few idempotent changes. */
export function isRepeatable(name: OperationName): boolean {
  return repeatable.has(name);
}

const repeatable: ReadonlySet<OperationName> = new Set(
  (Object.keys(operations) as OperationName[]).filter((name) => {
    const { changes, input } = operations[name];
    const hasKey = 'properties' in input && 'client_msg_id' in input.properties;
    return !changes || hasKey || idempotentChanges.includes(name);
  }),
);
