import { expect, test } from 'bun:test';
import { operations } from '@hongyan/protocol/operations/operations';
import { type RequestName, requestFrames } from './requests.ts';

test.each(Object.keys(requestFrames) as RequestName[])(
  '%s is asked for by the frame of the operations table',
  (name) => {
    expect(operations[name].frame.up as string).toBe(requestFrames[name]);
  },
);
