// A core that answers each operation with an example of its output, and records the calls.

import { done, ok } from '@hongyan/base/result';
import { apiKeyScopes } from '@hongyan/protocol/api-key';
import { type ConversationId, systemUserId } from '@hongyan/protocol/ids';
import type { OperationSpec } from '@hongyan/protocol/operations/operation';
import { operationNames, operations } from '@hongyan/protocol/operations/operations';
import { refusal } from '@hongyan/protocol/refusals';
import type { Core, CoreOperations } from '../../../ports/core/core.ts';
import { exampleOf } from '../http/examples.ts';

/** Has every scope. */
export const fakeApiKey = 'hy_k1_0123456789abcdef';

export interface Asked {
  readonly name: string;
  readonly caller: unknown;
  readonly input: unknown;
}

export interface FakeCore {
  readonly core: Core;
  readonly asked: Asked[];
  /** The ids of open sessions. */
  readonly sessions: Set<string>;
}

/** Sessions follow `conversationIds`; `overrides` replace single methods. */
export function fakeCore(overrides: Partial<Core> = {}, conversationIds: readonly string[] = []): FakeCore {
  const asked: Asked[] = [];
  const sessions = new Set<string>();
  const handlers = operationNames.map((name) => {
    const { output }: OperationSpec = operations[name];
    const handle = async (caller: unknown, input: unknown) => {
      asked.push({ name, caller, input });
      return output === undefined ? done : ok(exampleOf(output));
    };
    return [name, handle];
  });
  const core: Core = {
    ...(Object.fromEntries(handlers) as CoreOperations),
    openSession: async ({ caller }) => {
      sessions.add(caller.sessionId);
      return ok({ conversationIds: conversationIds as readonly ConversationId[], epoch: 'e1' });
    },
    identifyKey: async ({ key, asUser }) =>
      key === fakeApiKey
        ? ok({ keyId: 'k1', scopes: apiKeyScopes, userId: asUser ?? systemUserId })
        : refusal.badApiKey(),
    admitUser: async ({ userId }) => ok(userId),
    revocations: async () => ok({ revocations: [] }),
    closeSession: async ({ caller }) => void sessions.delete(caller.sessionId),
    ...overrides,
  };
  return { core, asked, sessions };
}
