import { expect, test } from 'bun:test';
import { testSeed } from '@hongyan/testing/seed';
import fc from 'fast-check';
import { depthMax, isShallow, parseFrame, parseInput } from './parse.ts';
import { upSchemas } from './up.ts';

const send = { type: 'send', id: 1, to: 'bob', client_msg_id: 'k1', content: { type: 'text', text: 'hi' } };
const nested = (depth: number): unknown => (depth === 0 ? {} : { a: nested(depth - 1) });

test('a valid frame comes back as it was, unknown fields included', () => {
  const frame = { ...send, extra: true };
  expect(parseFrame(JSON.stringify(frame))).toEqual({ type: 'ok', frame: frame as never });
});

test.each([
  ['not JSON', '{', undefined],
  ['nesting that no parser should hold', '['.repeat(100_000), undefined],
  ['an array', '[]', undefined],
  ['null', 'null', undefined],
  ['no type', '{"id":4}', 4],
  ['an unknown type', '{"type":"teleport","id":5}', 5],
  ['a type from the prototype', '{"type":"constructor"}', undefined],
  ['a missing field', JSON.stringify({ ...send, client_msg_id: undefined }), 1],
  ['an empty key', JSON.stringify({ ...send, client_msg_id: '' }), 1],
  ['a key that is too long', JSON.stringify({ ...send, client_msg_id: 'k'.repeat(65) }), 1],
  ['a user id with a quote', JSON.stringify({ ...send, to: "x' OR 1=1 --" }), 1],
  ['a conversation id with three colons', JSON.stringify({ ...send, to: undefined, conversation_id: 'd:a:b:c' }), 1],
  ['a content without a type', JSON.stringify({ ...send, content: { text: 'x' } }), 1],
  ['a negative limit', '{"type":"history","id":7,"conversation_id":"g:x","limit":-1}', 7],
  ['a fraction as seq', '{"type":"history","id":8,"conversation_id":"g:x","after_seq":1.5}', 8],
  ['a seq beyond safe integers', '{"type":"read","conversation_id":"g:x","seq":1e300}', undefined],
  ['too many presence ids', JSON.stringify({ type: 'presence', id: 9, user_ids: Array(501).fill('a') }), 9],
  ['a number that would be changed', '{"type":"presence","id":9007199254740993,"user_ids":[]}', '9007199254740993'],
  ['both targets of a send', JSON.stringify({ ...send, conversation_id: 'g:x' }), 1],
  ['neither target of a send', JSON.stringify({ ...send, to: undefined }), 1],
  ['both bounds of a page', '{"type":"history","id":3,"conversation_id":"g:x","after_seq":1,"before_seq":9}', 3],
  ['content nested too deep', JSON.stringify({ ...send, content: { type: 'x', a: nested(depthMax) } }), 1],
])('%s is a bad_request that repeats the id where there is one', (_name, text, id) => {
  const parsed = parseFrame(text);
  expect(parsed.type === 'refused' && { code: parsed.refusal.code, id: parsed.id }).toEqual({
    code: 'bad_request',
    id: id === undefined ? undefined : String(id),
  });
});

const targets = 'Exactly one of to and conversation_id';
const pageBounds = 'At most one of after_seq and before_seq';

test.each([
  ['neither target of a send', { ...send, to: undefined }, `send: ${targets}`],
  ['both targets of a send', { ...send, conversation_id: 'g:x' }, `send: ${targets}`],
  [
    'both bounds of a page',
    { type: 'history', id: 1, conversation_id: 'g:x', after_seq: 1, before_seq: 2 },
    `history: ${pageBounds}`,
  ],
  ['another rule first', { ...send, to: undefined, content: undefined }, 'send: must have required properties content'],
  ['a rule inside', { ...send, content: {} }, 'send/content: must have required properties type'],
])('%s is explained in words', (_name, frame, message) => {
  const parsed = parseFrame(JSON.stringify(frame));
  expect(parsed.type === 'refused' && parsed.refusal.message).toBe(message);
});

test('an input is explained like a frame', () => {
  const { to: _to, ...noTarget } = send;
  expect(parseInput('send', noTarget)).toMatchObject({ code: 'bad_request', message: `input: ${targets}` });
  const both = { conversation_id: 'g:x', after_seq: 1, before_seq: 2 };
  expect(parseInput('history', both)).toMatchObject({ code: 'bad_request', message: `input: ${pageBounds}` });
  expect(parseInput('history', { conversation_id: 'g:x', after_seq: 1 })).toMatchObject({ type: 'ok' });
});

test('depth is measured without recursion', () => {
  expect(isShallow(nested(depthMax - 1))).toBe(true);
  expect(isShallow(nested(depthMax + 1))).toBe(false);
  let deep: unknown = {};
  for (let i = 0; i < 200_000; i++) deep = [deep];
  expect(isShallow(deep)).toBe(false);
});

test('no input makes the parser throw, and what it lets through has a known type', () => {
  const seed = testSeed('parse');
  const almost = fc.record(
    {
      type: fc.oneof(fc.constantFrom(...Object.keys(upSchemas)), fc.string()),
      id: fc.oneof(fc.integer(), fc.anything()),
      to: fc.anything(),
      conversation_id: fc.oneof(fc.constant('g:x'), fc.anything()),
      client_msg_id: fc.oneof(fc.string(), fc.anything()),
      content: fc.oneof(fc.record({ type: fc.string() }), fc.anything()),
      seq: fc.oneof(fc.integer(), fc.double()),
      limit: fc.anything(),
    },
    { requiredKeys: [] },
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    almost.map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(text, (input) => {
      const parsed = parseFrame(input);
      if (parsed.type === 'ok') expect(Object.keys(upSchemas)).toContain(parsed.frame.type);
      else expect(parsed.refusal.message.length).toBeGreaterThan(0);
    }),
    { seed, numRuns: 2000 },
  );
});
