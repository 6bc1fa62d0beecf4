import { expect, test } from 'bun:test';
import { operations } from '@hongyan/protocol/operations/operations';
import { type RequestName, requestNames } from './requests.ts';

test.each(Object.keys(requestNames) as RequestName[])('the frame that asks for %s has its name', (name) => {
  expect(operations[name].frame.up).toBe(name);
});
