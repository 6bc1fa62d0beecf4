// A bounded fuzz run over real sockets: random frames, and valid ones with something changed. Nothing may surprise the server.

import { afterAll, expect, test } from 'bun:test';
import { operationOfUp } from '@hongyan/protocol/up';
import { call, createGroup, readFully, signUp } from '@hongyan/testing/http-client';
import { testSeed } from '@hongyan/testing/seed';
import { WireClient } from '@hongyan/testing/wire-client';
import fc from 'fast-check';
import { dataFolder, killServers, removeDataFolders, startServer } from '../server-process.ts';

const seed = testSeed('fuzz');
const operationTypes = Object.keys(operationOfUp);
const durationMs = 10_000;
const framesPerRun = 30;
const rssGrowthBytesMax = 128 * 1024 * 1024;
/** What a client may be told because of what it sent. `internal` would be the server's fault. */
const expectedCodes = ['bad_request', 'not_member', 'not_found', 'too_large', 'forbidden', 'conflict', 'overloaded'];

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

test('frames of any kind never stop the server, and are never its fault', async () => {
  const server = await startServer({ dataDir: await dataFolder('fuzz') });
  const ann = await signUp(server.url, 'ann');
  await signUp(server.url, 'bob');
  const group = await createGroup(server.url, ann, ['bob']);
  const open = () => WireClient.open({ url: server.url, token: ann.token, userId: 'ann', deviceId: 'fuzz' });
  let client = await open();
  const rssBefore = await server.rssBytes();
  let frameCount = 0;

  await fc.assert(
    fc.asyncProperty(fc.array(anyFrame(group), { minLength: 1, maxLength: framesPerRun }), async (frames) => {
      for (const data of frames) client.raw(data);
      frameCount += frames.length;
      if (!(await client.ping())) {
        expect((await client.closed).code).toBe(4202);
        client = await open();
        return;
      }
      const errors = client.frames.splice(0).filter(({ type }) => type === 'error');
      for (const { code } of errors) expect(expectedCodes).toContain(String(code));
    }),
    {
      seed,
      numRuns: 1_000_000,
      interruptAfterTimeLimit: durationMs,
      markInterruptAsFailure: false,
      endOnFailure: true,
    },
  );

  console.log(`fuzz: ${frameCount} frames`);
  expect(server.isAlive()).toBe(true);
  expect((await call(server.url, '/readyz')).status).toBe(200);
  expect(await server.rssBytes()).toBeLessThan(rssBefore + rssGrowthBytesMax);
  expect(server.output()).not.toContain('failed');
  const { entries, lastSeq } = await readFully(server.url, ann, group);
  expect(entries.map((entry) => entry.seq)).toEqual(Array.from({ length: lastSeq }, (_, index) => index + 1));
}, 60_000);

function anyFrame(group: string): fc.Arbitrary<string | Uint8Array<ArrayBuffer>> {
  const conversationId = fc.constantFrom(group, 'd:ann:bob', 'd:ann:ann', 'g:none', 'd:bob:ann');
  const seq = fc.oneof(fc.nat(50), fc.integer(), fc.double(), fc.constant(Number.MAX_SAFE_INTEGER));
  const valid = fc.record(
    {
      type: fc.constantFrom(...operationTypes, 'ping', 'hello'),
      id: fc.oneof(fc.nat(), fc.double()),
      to: fc.constantFrom('bob', 'ann', 'nobody'),
      conversation_id: conversationId,
      client_msg_id: fc.oneof(fc.string({ unit: 'binary', maxLength: 64 }), fc.constantFrom('a', 'b')),
      content: fc.oneof(fc.record({ type: fc.string({ maxLength: 70 }), text: fc.jsonValue() }), fc.object()),
      seq,
      after_seq: seq,
      target_seq: seq,
      expect_seq: seq,
      key: fc.oneof(fc.string({ unit: 'binary', maxLength: 70 }), fc.constantFrom('👍', '\uFE0F')),
      op: fc.constantFrom('add', 'remove', 'toggle'),
      reason: fc.string({ maxLength: 300 }),
      before_seq: seq,
      limit: fc.oneof(fc.integer({ min: 1, max: 500 }), fc.integer()),
      cursor: fc.oneof(fc.string(), fc.constantFrom('0~0', '1~1~1~1~1~f~g:x', '~~~~~~')),
      full: fc.boolean(),
      user_ids: fc.array(fc.oneof(fc.constantFrom('ann', 'bob'), fc.string()), { maxLength: 20 }),
      token: fc.string(),
      device_id: fc.string(),
    },
    { requiredKeys: ['type'] },
  );
  const replaced = fc
    .tuple(valid, fc.nat(), fc.jsonValue())
    .map(([frame, at, value]) => ({ ...frame, [Object.keys(frame)[at % Object.keys(frame).length] ?? 'type']: value }));
  const edited = fc
    .tuple(valid, fc.nat(), fc.nat(20), fc.string({ unit: 'binary', maxLength: 10 }))
    .map(([frame, at, length, insert]) => {
      const text = JSON.stringify(frame);
      const start = at % text.length;
      return text.slice(0, start) + insert + text.slice(start + length);
    });
  return fc.oneof(
    { weight: 6, arbitrary: valid.map((frame) => JSON.stringify(frame)) },
    { weight: 6, arbitrary: replaced.map((frame) => JSON.stringify(frame)) },
    { weight: 6, arbitrary: edited },
    { weight: 2, arbitrary: fc.json() },
    { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 200 }) },
    // Closes the connection, so rarely.
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 100 }).map((bytes) => new Uint8Array(bytes)) },
  );
}
