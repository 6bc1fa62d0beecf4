import { expect, test } from 'bun:test';
import { closeCode, errorStatus } from './codes.ts';
import { downSchemas } from './down.ts';
import { operations } from './operations/operations.ts';
import { upSchemas } from './up.ts';
import { protocolVersion } from './version.ts';

// A change of the wire, or of its descriptions, changes the hash. If old clients can ignore the change, update the hash; otherwise
// increment protocolVersion too.
const hashOfVersion: Record<number, string> = { 2: '11w2asgdl5v0t' };

test('the wire matches the hash of its version', () => {
  const wire = JSON.stringify({ operations, upSchemas, downSchemas, closeCode, errorStatus });
  expect(hashOfVersion[protocolVersion]).toBe(Bun.hash(wire).toString(36));
});
