import { expect, test } from 'bun:test';
import type { OperationSpec } from '@hongyan/protocol/operations/operation';
import { operationNames, operations } from '@hongyan/protocol/operations/operations';
import { frameOf, type RequestName } from './requests.ts';

const answered = operationNames.filter((name): name is RequestName => {
  const { frame }: OperationSpec = operations[name];
  return frame?.down !== undefined;
});

test.each(answered)('%s is asked for by the frame of the operations table', (name) => {
  expect<string>(operations[name].frame.up).toBe(frameOf(name));
});
