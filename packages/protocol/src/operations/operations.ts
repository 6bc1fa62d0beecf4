// The table of all operations.

import { accountOperations } from './accounts.ts';
import { backEndOperations } from './back-end.ts';
import { conversationOperations } from './conversations.ts';
import { deviceOperations } from './devices.ts';
import { eventOperations } from './events.ts';
import { messageChangeOperations } from './message-changes.ts';
import { messageOperations } from './messages.ts';
import type { InputOf, OperationSpec, OutputOf } from './operation.ts';
import { privateOperations } from './private.ts';
import { receiptOperations } from './receipts.ts';
import { routingOperations } from './routing.ts';
import { signOutOperations } from './sign-outs.ts';
import { webhookOperations } from './webhooks.ts';

export const operations = {
  ...accountOperations,
  ...conversationOperations,
  ...deviceOperations,
  ...messageOperations,
  ...messageChangeOperations,
  ...privateOperations,
  ...receiptOperations,
  ...routingOperations,
  ...signOutOperations,
  ...backEndOperations,
  ...eventOperations,
  ...webhookOperations,
} as const satisfies Record<string, OperationSpec>;

export type Operations = typeof operations;
export type OperationName = keyof Operations;
export type Input<N extends OperationName> = InputOf<Operations[N]>;
export type Output<N extends OperationName> = OutputOf<Operations[N]>;

export const operationNames = Object.keys(operations) as readonly OperationName[];
